//go:build cgo && (amd64 || arm64)

package native

import "syscall"

// empty empties the pipe, which would be full at last.
func empty(fd uintptr) {
	var bytes [512]byte
	for {
		if n, err := syscall.Read(int(fd), bytes[:]); n < len(bytes) || err != nil {
			return
		}
	}
}
