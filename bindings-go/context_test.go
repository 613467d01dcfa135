//go:build cgo

package builderaikits_test

import (
	"context"
	"errors"
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

func TestCancelledWhereItWaits(t *testing.T) {
	busy := serve(t, answers(503, "{}", "Retry-After", "60"))
	full := silent(t)
	table := map[string]struct {
		service *service
		options []sdk.Option
		calls   int
		first   bool
	}{
		"before a repeat": {busy, nil, 1, false},
		"in the queue":    {full, []sdk.Option{sdk.WithMaxConcurrency(1)}, 3, true},
	}
	for name, row := range table {
		t.Run(name, func(t *testing.T) {
			c := client(t, append(row.options, sdk.WithBaseURL(row.service.URL()))...)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, row.calls)
			if row.first {
				// On a context of its own, so that it keeps its slot when the others end.
				go func() { _, _ = c.Kits.Run(t.Context(), hello) }()
				<-row.service.asked
			}
			for range row.calls {
				go func() {
					_, err := c.Kits.Run(ctx, hello)
					ended <- err
				}()
			}
			if !row.first {
				<-row.service.asked
			}
			// It is on its way into the wait; wherever it is, it ends.
			time.Sleep(20 * time.Millisecond)
			cancel()
			for range row.calls {
				select {
				case err := <-ended:
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				case <-time.After(late):
					t.Fatal("still there")
				}
			}
			if len(row.service.asked) != 0 {
				t.Error("sent once more")
			}
		})
	}
}
