//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)))

package native

import "os"

// serve drains the queue whenever its descriptor says so. The goroutine waits in Go's poller, and so holds no thread.
func (q *queue) serve(descriptor int) error {
	file := os.NewFile(uintptr(descriptor), "builderaikits")
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	go func() {
		// The poller tells of every change since the function was last called, so that none is lost.
		_ = conn.Read(func(fd uintptr) bool {
			empty(fd)
			drain(q.handle, 0, q.end)
			return false
		})
		// Only a poller that takes no such descriptor comes here: a thread waits instead.
		q.block()
		file.Close()
	}()
	return nil
}
