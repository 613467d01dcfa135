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

// What a machine with other work may add to any time. A call that is not given up takes 30 s or more.
const late = 10 * time.Second

func TestACancelledContextAbortsTheRequest(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	quickest, seen := time.Hour, time.Hour
	for range 20 {
		ctx, cancel := context.WithCancelCause(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, err := c.Kits.Run(ctx, hello)
			ended <- err
		}()
		<-s.asked
		begun := time.Now()
		why := errors.New("why")
		cancel(why)
		err := <-ended
		quickest = min(quickest, time.Since(begun))
		var e *sdk.Error
		if !errors.Is(err, context.Canceled) || !errors.Is(err, sdk.ErrCancelled) || !errors.Is(err, why) || !errors.As(err, &e) || !e.MayHaveRun {
			t.Fatalf("%#v", err)
		}
		select {
		case <-s.closed:
			seen = min(seen, time.Since(begun))
		case <-time.After(late):
			t.Fatal("the server still has its connection")
		}
	}
	if quickest > 50*time.Millisecond || seen > 100*time.Millisecond {
		t.Errorf("returned after %v, and the server saw it after %v, at best", quickest, seen)
	}
}

func TestWhatIsKnownOfACallThatItsContextEnded(t *testing.T) {
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
		begun, least := time.Now(), 20*time.Millisecond
		if row.early {
			cancel()
			least = 0
		} else {
			go func() {
				<-s.asked
				time.Sleep(least)
				cancel()
			}()
		}
		_, err := c.Kits.Run(ctx, hello, row.options...)
		whole := time.Since(begun)
		var e *sdk.Error
		if !errors.As(err, &e) || e.Kind != sdk.ErrCancelled || e.IdempotencyKey != row.key || e.Attempts != 0 || e.MayHaveRun == row.early {
			t.Errorf("%#v", err)
		} else if e.Elapsed < least || e.Elapsed > whole || (e.Elapsed == 0) != row.early {
			t.Errorf("%v, of %v", e.Elapsed, whole)
		}
	}
}

func TestADeadlineOfTheContext(t *testing.T) {
	s := silent(t)
	c := client(t, sdk.WithBaseURL(s.URL()))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := c.Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sdk.ErrTimeout) || errors.Is(err, context.Canceled) || !errors.As(err, &e) {
		t.Fatalf("%#v", err)
	}
	// The core ended it, and knows how far it came.
	if !e.MayHaveRun || e.Attempts != 1 || e.IdempotencyKey == "" || e.Elapsed < time.Second {
		t.Errorf("%+v", e)
	}
	select {
	case <-s.closed:
	case <-time.After(late):
		t.Fatal("the server still has its connection")
	}
}

func TestAWaitThatDoesNotFitTheContextIsNotBegun(t *testing.T) {
	s := serve(t, answers(429, "{}", "Retry-After", "60"))
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.As(err, &e) || e.Kind != sdk.ErrRateLimit || e.RetryAfter != time.Minute || e.MayHaveRun || ctx.Err() != nil {
		t.Fatalf("%#v", err)
	}
}

func TestAContextThatHasEndedSendsNothing(t *testing.T) {
	s := serve(t, answers(200, answer))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	var e *sdk.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.MayHaveRun || len(s.asked) != 0 {
		t.Fatalf("%#v", err)
	}
}

func TestCancelledBeforeARepeat(t *testing.T) {
	s := serve(t, answers(503, "{}", "Retry-After", "60"))
	var log strings.Builder
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	defer client(t, sdk.WithLogger(nil))
	cancelWaiting(t, c, 1, func() {
		<-s.asked
		// The core logs that it waits, and what it logged comes with the end of any call: here of one that it refuses.
		for begun := time.Now(); !strings.Contains(log.String(), "repeating"); {
			if _, err := c.Kits.Run(t.Context(), sdk.RunParams{}); !errors.Is(err, sdk.ErrInvalidRequest) || time.Since(begun) > late {
				t.Fatal(err)
			}
		}
	})
}

func TestCancelledInTheQueue(t *testing.T) {
	first := make(chan struct{})
	free := sync.OnceFunc(func() { close(first) })
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-first
		answers(200, answer)(w, r)
	})
	t.Cleanup(free)
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithMaxConcurrency(1))
	ended := make(chan error, 1)
	// It has the only slot until it is answered.
	go func() {
		_, err := c.Kits.Run(t.Context(), hello)
		ended <- err
	}()
	<-s.asked
	cancelWaiting(t, c, 3, func() {
		// By the time that this one's wait is over the others, begun before, wait as well. Not for certain; but one that
		// does not yet must not be sent either.
		_, err := c.Kits.Run(t.Context(), hello, sdk.WithTimeout(50*time.Millisecond))
		if !errors.Is(err, sdk.ErrTimeout) || !strings.Contains(err.Error(), "in the queue") {
			t.Fatal(err)
		}
	})
	free()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// Whoever waited before this one would have been sent before it.
	run(t, c, hello)
	if sent := len(s.asked); sent != 1 {
		t.Errorf("%d sent after the first, not one", sent)
	}
}

// cancelWaiting cancels calls that were begun, once wait has seen that they wait.
func cancelWaiting(t *testing.T, c *sdk.Client, calls int, wait func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun, ended := make(chan struct{}, calls), make(chan error, calls)
	for range calls {
		go func() {
			_, err := c.Kits.Run(watched{ctx, begun}, hello)
			ended <- err
		}()
	}
	for range calls {
		<-begun
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
		case <-time.After(late):
			t.Fatal("still there")
		}
	}
}

// A watched context tells that somebody waits for its end: what Run does once its call is begun; and before that as well
// where more begin at once than may.
type watched struct {
	context.Context
	waits chan<- struct{}
}

func (w watched) Done() <-chan struct{} {
	w.waits <- struct{}{}
	return w.Context.Done()
}
