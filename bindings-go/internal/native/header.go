package native

import "sync/atomic"

// Canonical is a header's name as net/http writes it: Content-Type for content-type. It keeps the names that services
// send again and again; more than these are made anew each time.
func Canonical(name string) string {
	known := names.Load()
	if known != nil {
		if made, ok := (*known)[name]; ok {
			return made
		}
	}
	bytes, upper := []byte(name), true
	for i, b := range bytes {
		switch {
		case upper && 'a' <= b && b <= 'z':
			bytes[i] = b - ('a' - 'A')
		case !upper && 'A' <= b && b <= 'Z':
			bytes[i] = b + ('a' - 'A')
		}
		upper = b == '-'
	}
	made := string(bytes)
	if known == nil || len(*known) < 128 {
		more := map[string]string{string([]byte(name)): made}
		if known != nil {
			for name, made := range *known {
				more[name] = made
			}
		}
		names.CompareAndSwap(known, &more)
	}
	return made
}

// Replaced, never changed.
var names atomic.Pointer[map[string]string]
