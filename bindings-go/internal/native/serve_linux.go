//go:build cgo && (amd64 || arm64)

package native

// empty has nothing to do: each wake is a change of the counter, which epoll tells whether it was read or not.
func empty(uintptr) {}
