//go:build cgo

package builderaikits_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "builderaikits.com/sdk"
)

// patience is how long a busy machine may delay anything. A call that is not canceled takes 30 s or more.
const patience = 10 * time.Second

func TestCanceledContextAbortsRequest(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	fastestReturn, fastestAbort := time.Hour, time.Hour
	for range 20 {
		ctx, cancel := context.WithCancelCause(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, err := c.Kits.Run(ctx, hello)
			ended <- err
		}()
		<-s.requested
		canceled := time.Now()
		cause := errors.New("cause")
		cancel(cause)
		err := <-ended
		fastestReturn = min(fastestReturn, time.Since(canceled))
		var e *sdk.Error
		if !errors.Is(err, context.Canceled) || !errors.Is(err, sdk.ErrCanceled) || !errors.Is(err, cause) || !errors.As(err, &e) || !e.MayHaveRun {
			t.Fatalf("%#v", err)
		}
		select {
		case <-s.disconnected:
			fastestAbort = min(fastestAbort, time.Since(canceled))
		case <-time.After(patience):
			t.Fatal("the server still has the connection")
		}
	}
	if fastestReturn > 50*time.Millisecond || fastestAbort > 100*time.Millisecond {
		t.Errorf("returned after %v, and the server saw it after %v, at best", fastestReturn, fastestAbort)
	}
}

func TestErrorOfACanceledCall(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	table := []struct {
		early   bool
		options []sdk.RunOption
		key     string
	}{
		{false, []sdk.RunOption{sdk.WithIdempotencyKey("key-1"), sdk.WithIdempotencyKey("key-2")}, "key-2"},
		{false, nil, ""},
		{true, []sdk.RunOption{sdk.WithIdempotencyKey("key-1")}, ""},
	}
	for _, row := range table {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		started, least := time.Now(), 20*time.Millisecond
		if row.early {
			cancel()
			least = 0
		} else {
			go func() {
				<-s.requested
				time.Sleep(least)
				cancel()
			}()
		}
		_, err := c.Kits.Run(ctx, hello, row.options...)
		total := time.Since(started)
		var e *sdk.Error
		if !errors.As(err, &e) || e.Kind != sdk.ErrCanceled || e.IdempotencyKey != row.key || e.Attempts != 0 || e.MayHaveRun == row.early {
			t.Errorf("%#v", err)
		} else if e.Elapsed < least || e.Elapsed > total || (e.Elapsed == 0) != row.early {
			t.Errorf("%v, of %v", e.Elapsed, total)
		}
	}
}

func TestContextDeadline(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := c.Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sdk.ErrTimeout) || errors.Is(err, context.Canceled) || !errors.As(err, &e) {
		t.Fatalf("%#v", err)
	}
	// The core ended the call, so the error has all fields.
	if !e.MayHaveRun || e.Attempts != 1 || e.IdempotencyKey == "" || e.Elapsed < time.Second {
		t.Errorf("%+v", e)
	}
	select {
	case <-s.disconnected:
	case <-time.After(patience):
		t.Fatal("the server still has the connection")
	}
}

func TestWaitBeyondTheDeadlineIsNotStarted(t *testing.T) {
	s := serve(t, respond(429, "{}", "Retry-After", "60"))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.As(err, &e) || e.Kind != sdk.ErrRateLimit || e.RetryAfter != time.Minute || e.MayHaveRun || ctx.Err() != nil {
		t.Fatalf("%#v", err)
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.MayHaveRun || len(s.requested) != 0 {
		t.Fatalf("%#v", err)
	}
}

func TestCanceledWhileWaitingToRetry(t *testing.T) {
	s := serve(t, respond(503, "{}", "Retry-After", "60"))
	var log strings.Builder
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	defer client(t, sdk.WithLogger(nil))
	cancelWaiting(t, c, 1, func() {
		<-s.requested
		// The core logs that it waits. Records arrive when any call ends, here one that is rejected.
		for started := time.Now(); !strings.Contains(log.String(), "retrying"); {
			if _, err := c.Kits.Run(t.Context(), sdk.RunParams{}); !errors.Is(err, sdk.ErrInvalidRequest) || time.Since(started) > patience {
				t.Fatal(err)
			}
		}
	})
}

func TestCanceledInTheQueue(t *testing.T) {
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-released
		respond(200, runJSON)(w, r)
	})
	t.Cleanup(release)
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithMaxConcurrency(1))
	ended := make(chan error, 1)
	// This call has the only slot until its response arrives.
	go func() {
		_, err := c.Kits.Run(t.Context(), hello)
		ended <- err
	}()
	<-s.requested
	cancelWaiting(t, c, 3, func() {
		// When this call times out, the others, which were started before, are most likely queued too. One that is not
		// must not be sent either.
		_, err := c.Kits.Run(t.Context(), hello, sdk.WithTimeout(50*time.Millisecond))
		if !errors.Is(err, sdk.ErrTimeout) || !strings.Contains(err.Error(), "queued") {
			t.Fatal(err)
		}
	})
	release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// A call that is still queued would be sent before this one.
	run(t, c, hello)
	if sent := len(s.requested); sent != 1 {
		t.Errorf("%d requests after the first, want 1", sent)
	}
}

// cancelWaiting starts calls, and cancels them when wait has returned.
func cancelWaiting(t *testing.T, c *sdk.Client, calls int, wait func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started, ended := make(chan struct{}, calls), make(chan error, calls)
	for range calls {
		go func() {
			_, err := c.Kits.Run(watchedContext{ctx, started}, hello)
			ended <- err
		}()
	}
	for range calls {
		<-started
	}
	wait()
	if len(ended) != 0 {
		t.Fatal(<-ended)
	}
	cancel()
	for range calls {
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("a call is still in flight")
		}
	}
}

// watchedContext reports calls of Done, which Run makes when its call is started, or waits for a slot to start it.
type watchedContext struct {
	context.Context
	doneCalled chan<- struct{}
}

func (w watchedContext) Done() <-chan struct{} {
	w.doneCalled <- struct{}{}
	return w.Context.Done()
}
