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
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(ctx, hello)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, sdk.ErrTimeout) || errors.Is(err, context.Canceled) {
		t.Fatalf("%#v", err)
	}
	<-s.closed
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
	}{
		"before a repeat": {busy, nil, 1},
		"in the queue":    {full, []sdk.Option{sdk.WithMaxConcurrency(1)}, 3},
	}
	for name, row := range table {
		t.Run(name, func(t *testing.T) {
			c := client(t, append(row.options, sdk.WithBaseURL(row.service.URL()))...)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, row.calls)
			for range row.calls {
				go func() {
					_, err := c.Kits.Run(ctx, hello)
					ended <- err
				}()
			}
			<-row.service.asked
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
