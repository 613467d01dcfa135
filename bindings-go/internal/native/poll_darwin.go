//go:build cgo && (amd64 || arm64)

package native

import "syscall"

// drainPipe empties the pipe, which would fill up otherwise.
func drainPipe(fd uintptr) {
	var bytes [512]byte
	for {
		if n, err := syscall.Read(int(fd), bytes[:]); n < len(bytes) || err != nil {
			return
		}
	}
}
