package builderaikits

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"builderaikits.com/sdk/internal/native"
)

// The core's log is the process's, and so is this.
var (
	logger  atomic.Pointer[slog.Logger]
	logging sync.Mutex
	fromEnv = sync.OnceFunc(func() {
		if level := native.LogLevel(-1); level > 0 {
			least := &slog.HandlerOptions{Level: levels[level]}
			logger.CompareAndSwap(nil, slog.New(slog.NewTextHandler(os.Stderr, least)))
		}
	})
)

// By the core's numbers.
var levels = [...]slog.Level{slog.LevelError, slog.LevelInfo, slog.LevelDebug}

// log sets the logger that the options name.
func (s *settings) log() {
	fromEnv()
	if !s.hasLogger {
		return
	}
	level := 0
	for i := 1; i < len(levels) && s.logger != nil; i++ {
		if s.logger.Enabled(context.Background(), levels[i]) {
			level = i
		}
	}
	logger.Store(s.logger)
	native.LogLevel(level)
}

// flushLogs hands over what was recorded, in order.
func flushLogs() {
	to := logger.Load()
	if to == nil {
		return
	}
	logging.Lock()
	defer logging.Unlock()
	for _, line := range native.Logs() {
		level := slog.LevelInfo
		if line.Debug {
			level = slog.LevelDebug
		}
		to.Log(context.Background(), level, line.Message)
	}
}
