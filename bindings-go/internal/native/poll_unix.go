//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)))

package native

import "os"

// poll drains the queue whenever its descriptor is readable. The goroutine waits in Go's netpoller and holds no thread.
func (q *queue) poll(descriptor int) error {
	file := os.NewFile(uintptr(descriptor), "builderaikits")
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	go func() {
		// The netpoller reports every change since the function was last called, so none is missed.
		_ = conn.Read(func(fd uintptr) bool {
			drainPipe(fd)
			drain(q.handle, 0, q.deliver)
			return false
		})
		// Reached only if the netpoller does not support the descriptor. A thread waits instead.
		q.pollForever()
		file.Close()
	}()
	return nil
}
