//go:build cgo && amd64

package native

// serve drains the queue in a thread that blocks: Windows has no descriptor that Go's poller takes.
func (q *queue) serve(int) error {
	go q.block()
	return nil
}
