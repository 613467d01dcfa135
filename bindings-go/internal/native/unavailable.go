//go:build !cgo || !((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

import (
	"context"
	"runtime"
)

func unavailable() error {
	switch runtime.GOOS + "/" + runtime.GOARCH {
	case "linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64":
		return UnavailableError("this program was built without cgo, which the SDK needs; install a C compiler and build with CGO_ENABLED=1")
	default:
		return UnavailableError("the SDK does not support " + runtime.GOOS + "/" + runtime.GOARCH + " yet")
	}
}

// NewClient returns an [UnavailableError].
func NewClient(uint64, []byte) (uint64, *Result, error) { return 0, nil, unavailable() }

// Run returns an [UnavailableError].
func Run(context.Context, uint64, string, []byte, []byte, func(*Result)) (bool, error) {
	return false, unavailable()
}

// Query returns an [UnavailableError].
func Query(uint64, string, []byte) ([]byte, *Result, error) { return nil, nil, unavailable() }

// CloseClient does nothing.
func CloseClient(uint64) {}

// FreeClient does nothing.
func FreeClient(uint64) {}

// SetLogLevel does nothing: nothing is logged.
func SetLogLevel(int) int { return 0 }

// DrainLogs returns nothing.
func DrainLogs() []LogRecord { return nil }
