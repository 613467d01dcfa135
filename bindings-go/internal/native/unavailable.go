//go:build !cgo || !((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package native

import (
	"context"
	"runtime"
)

func unavailable() error {
	switch runtime.GOOS + "/" + runtime.GOARCH {
	case "linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64":
		return ErrUnavailable("this program was built without cgo, which the SDK's core needs: install a C compiler and build with CGO_ENABLED=1")
	default:
		return ErrUnavailable("there is no core of the SDK for " + runtime.GOOS + "/" + runtime.GOARCH)
	}
}

// NewClient says why there is no core.
func NewClient(uint64, []byte) (uint64, *Outcome, error) { return 0, nil, unavailable() }

// Run says why there is no core.
func Run(context.Context, uint64, []byte, []byte, func(*Outcome)) (bool, error) {
	return false, unavailable()
}

// CloseClient does nothing: there is none.
func CloseClient(uint64) {}

// FreeClient does nothing: there is none.
func FreeClient(uint64) {}

// LogLevel does nothing: nothing is logged.
func LogLevel(int) int { return 0 }

// Logs are none.
func Logs() []Log { return nil }
