//go:build cgo && amd64

package native

// poll drains the queue on a thread that blocks: Windows has no descriptor for Go's netpoller.
func (q *queue) poll(int) error {
	go q.pollForever()
	return nil
}
