//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

// block drains the queue for good, on a thread of its own.
func (q *queue) block() {
	const minute = 60_000
	for {
		drain(q.handle, minute, q.end)
	}
}
