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

// slack is how much a busy machine may delay a test. A call that is not canceled takes 30 s or more.
const slack = 10 * time.Second

func TestCanceledContextAbortsRequest(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	// The shortest times of all rounds.
	returned, aborted := time.Hour, time.Hour
	for range 20 {
		ctx, cancel := context.WithCancelCause(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, err := c.Kits.Run(ctx, hello)
			ended <- err
		}()
		<-s.received
		canceled := time.Now()
		cause := errors.New("the cause")
		cancel(cause)
		err := <-ended
		returned = min(returned, time.Since(canceled))
		var e *sdk.Error
		if !errors.Is(err, context.Canceled) || !errors.Is(err, sdk.ErrCanceled) || !errors.Is(err, cause) || !errors.As(err, &e) || !e.MayHaveRun {
			t.Fatalf("%#v", err)
		}
		if e.Message != "The context was canceled." {
			t.Error(e.Message)
		}
		select {
		case <-s.closed:
			aborted = min(aborted, time.Since(canceled))
		case <-time.After(slack):
			t.Fatal("the server's connection is still open")
		}
	}
	if returned > 50*time.Millisecond || aborted > 100*time.Millisecond {
		t.Errorf("at best Run returned after %v, and the connection closed after %v", returned, aborted)
	}
}

func TestFieldsOfCanceledCall(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	table := []struct {
		early   bool // canceled before Run
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
		started, minimum := time.Now(), 20*time.Millisecond
		if row.early {
			cancel()
			minimum = 0
		} else {
			go func() {
				<-s.received
				time.Sleep(minimum)
				cancel()
			}()
		}
		_, err := c.Kits.Run(ctx, hello, row.options...)
		total := time.Since(started)
		var e *sdk.Error
		if !errors.As(err, &e) || e.Kind != sdk.ErrCanceled || e.IdempotencyKey != row.key || e.Attempts != 0 || e.MayHaveRun == row.early {
			t.Errorf("%#v", err)
		} else if e.Elapsed < minimum || e.Elapsed > total || (e.Elapsed == 0) != row.early {
			t.Errorf("Elapsed is %v, of %v", e.Elapsed, total)
		}
	}
}

func TestDeadlineOfTheContext(t *testing.T) {
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
	case <-s.closed:
	case <-time.After(slack):
		t.Fatal("the server's connection is still open")
	}
}

func TestWaitBeyondTheDeadlineReturnsAtOnce(t *testing.T) {
	s := serve(t, respond(429, "{}", "Retry-After", "60"))
	ctx, cancel := context.WithTimeout(context.Background(), slack)
	defer cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.As(err, &e) || e.Kind != sdk.ErrRateLimit || e.RetryAfter != time.Minute || e.MayHaveRun || ctx.Err() != nil ||
		!strings.Contains(e.Message, "would end after `WithTimeout`") {
		t.Fatalf("%#v", err)
	}
}

func TestEndedContextSendsNothing(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.MayHaveRun || len(s.received) != 0 {
		t.Fatalf("%#v", err)
	}
}

func TestCancelWhileWaitingToRetry(t *testing.T) {
	s := serve(t, respond(503, "{}", "Retry-After", "60"))
	var log strings.Builder
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	defer client(t, sdk.WithLogger(nil))
	cancelWhileWaiting(t, c, 1, func() {
		<-s.received
		// The core logs the wait. The record is passed to the logger when any call ends; here a rejected one.
		for started := time.Now(); !strings.Contains(log.String(), "retrying"); {
			if _, err := c.Kits.Run(t.Context(), sdk.RunParams{}); !errors.Is(err, sdk.ErrInvalidRequest) || time.Since(started) > slack {
				t.Fatal(err)
			}
		}
	})
}

func TestCancelWhileQueued(t *testing.T) {
	release := make(chan struct{})
	releaseFirst := sync.OnceFunc(func() { close(release) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		respond(200, runJSON)(w, r)
	})
	t.Cleanup(releaseFirst)
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithMaxConcurrency(1))
	ended := make(chan error, 1)
	// This call holds the only permit until its response.
	go func() {
		_, err := c.Kits.Run(t.Context(), hello)
		ended <- err
	}()
	<-s.received
	cancelWhileWaiting(t, c, 3, func() {
		// The others were started before this call, so they are most likely queued when it times out. A call that is not
		// queued yet must not be sent either.
		_, err := c.Kits.Run(t.Context(), hello, sdk.WithTimeout(50*time.Millisecond))
		if !errors.Is(err, sdk.ErrTimeout) || !strings.Contains(err.Error(), "while queued behind `WithMaxConcurrency`") {
			t.Fatal(err)
		}
	})
	releaseFirst()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// A queued call that was not canceled would be sent before this one.
	run(t, c, hello)
	if sent := len(s.received); sent != 1 {
		t.Errorf("%d requests were sent after the first, want 1", sent)
	}
}

// cancelWhileWaiting starts calls, and cancels them when wait returns. wait returns once the calls wait in the core.
func cancelWhileWaiting(t *testing.T, c *sdk.Client, calls int, wait func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	started, ended := make(chan struct{}, calls), make(chan error, calls)
	for range calls {
		go func() {
			_, err := c.Kits.Run(observedContext{ctx, started}, hello)
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
		case <-time.After(slack):
			t.Fatal("Run did not return")
		}
	}
}

// observedContext reports each use of Done. Run uses it after a call was started, and also before that if the call waits for
// a slot to start in.
type observedContext struct {
	context.Context
	used chan<- struct{}
}

func (c observedContext) Done() <-chan struct{} {
	c.used <- struct{}{}
	return c.Context.Done()
}
