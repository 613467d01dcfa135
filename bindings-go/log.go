package builderaikits

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"builderaikits.com/sdk/internal/native"
)

// The core has one log per process, so the logger is global too.
var (
	globalLogger atomic.Pointer[slog.Logger]
	flushing     sync.Mutex
	initFromEnv  = sync.OnceFunc(func() {
		if level := native.SetLogLevel(-1); level > 0 {
			options := &slog.HandlerOptions{Level: coreLevels[level]}
			globalLogger.CompareAndSwap(nil, slog.New(slog.NewTextHandler(os.Stderr, options)))
		}
	})
)

// coreLevels are the levels by their number in the core. 0 is off.
var coreLevels = [...]slog.Level{slog.LevelError, slog.LevelInfo, slog.LevelDebug}

// applyLogger sets the process's logger if the options have one.
func (w *optionWriter) applyLogger() {
	initFromEnv()
	if !w.hasLogger {
		return
	}
	level := 0
	for i := 1; i < len(coreLevels) && w.logger != nil; i++ {
		if w.logger.Enabled(context.Background(), coreLevels[i]) {
			level = i
		}
	}
	globalLogger.Store(w.logger)
	native.SetLogLevel(level)
}

// flushLogs passes the buffered records to the logger, in order.
func flushLogs() {
	logger := globalLogger.Load()
	if logger == nil {
		return
	}
	flushing.Lock()
	defer flushing.Unlock()
	for _, record := range native.DrainLogs() {
		level := slog.LevelInfo
		if record.Debug {
			level = slog.LevelDebug
		}
		logger.Log(context.Background(), level, record.Message)
	}
}
