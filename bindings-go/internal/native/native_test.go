//go:build cgo

package native

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// Whatever goes in, a client, an outcome or a defect comes out; never a crash.
func FuzzABI(f *testing.F) {
	f.Add([]byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0}`), []byte(`{"kit":"k","input":"p"}`), []byte(`{"timeout_ms":5}`), uint64(0))
	f.Add([]byte(`{`), []byte("\xff"), []byte(`[]`), uint64(1)<<60)
	good := []byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0}`)
	f.Fuzz(func(t *testing.T, options, request, call []byte, nobody uint64) {
		client, refused, err := NewClient(0, options)
		if (client != 0) == (refused != nil || err != nil) {
			t.Fatal(client, refused, err)
		}
		FreeClient(client)
		FreeClient(client)
		client, _, err = NewClient(0, good)
		if err != nil {
			t.Fatal(err)
		}
		defer FreeClient(client)
		for _, handle := range []uint64{client, nobody, client ^ 1<<(nobody%64)} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			used := false
			ended, err := Run(ctx, handle, request, call, func(outcome *Outcome) {
				// Nobody listens: nothing succeeds.
				used = outcome.Kind != "" && outcome.Message != ""
			})
			cancel()
			if ended != used || ended != (err == nil) || (handle != client && ended) {
				t.Fatal(handle == client, ended, used, err)
			}
		}
	})
}

// Eight are beginning a call, as with prompts of megabytes: a ninth waits until his context ends, and a call in flight is
// given up at once.
func TestEightBegin(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, refused, err := NewClient(0, []byte(`{"api_key":"bak_1","base_url":"http://`+listener.Addr().String()+`/v1","timeout_ms":null}`))
	if err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	defer FreeClient(client)
	request := []byte(`{"kit":"k","input":{"prompt":"p"}}`)
	begun := func(ctx *told) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, request, nil, func(outcome *Outcome) { panic(outcome.Kind) })
			ended <- err
		}()
		<-ctx.waits
		return ended
	}
	inFlight := newTold()
	ended := begun(inFlight)

	held := 8
	for range held {
		begins <- struct{}{}
	}
	defer func() {
		for range held {
			<-begins
		}
	}()
	waiting := newTold()
	waits := begun(waiting)
	waiting.cancel()
	if err := within(t, waits); !errors.Is(err, ErrNotBegun) {
		t.Errorf("%v", err)
	}
	inFlight.cancel()
	if err := within(t, ended); err != nil {
		t.Errorf("%v", err)
	}

	// It has ended by the time that its place comes.
	late := newTold()
	late.deaf = true
	waits = begun(late)
	late.cancel()
	<-begins
	held--
	if err := within(t, waits); !errors.Is(err, ErrNotBegun) || len(begins) != held {
		t.Errorf("%v, %d places taken", err, len(begins))
	}
}

// Whoever waited for a place for as long as the call may take is not sent, whoever said how long that is.
func TestTheWaitForAPlaceIsPartOfTheCallsTime(t *testing.T) {
	table := []struct{ client, call string }{
		{`"timeout_ms":20`, ``},
		{`"timeout_ms":null`, `{"timeout_ms":20,"idempotency_key":"k"}`},
		{`"timeout_ms":null`, `{"deadline_ms":20}`},
		{`"timeout_ms":20`, `{"deadline_ms":60000}`},
	}
	for _, row := range table {
		client, refused, err := NewClient(0, []byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0,`+row.client+`}`))
		if err != nil || refused != nil {
			t.Fatal(refused, err)
		}
		defer FreeClient(client)
		for range cap(begins) {
			begins <- struct{}{}
		}
		ctx := newTold()
		var got Outcome
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, []byte(`{"kit":"k","input":{"prompt":"p"}}`), []byte(row.call), func(outcome *Outcome) { got = *outcome })
			ended <- err
		}()
		<-ctx.waits
		time.Sleep(20 * time.Millisecond)
		for range cap(begins) {
			<-begins
		}
		if err := within(t, ended); err != nil || got.Kind != "timeout" || got.Attempts != 0 || got.Elapsed < 20*time.Millisecond {
			t.Errorf("%v: %+v, %v", row, got, err)
		}
	}
}

func within(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("still there")
		return nil
	}
}

// A told context tells that somebody waits for its end. A deaf one's end wakes nobody.
type told struct {
	context.Context
	cancel context.CancelFunc
	waits  chan struct{}
	deaf   bool
}

func newTold() *told {
	ctx, cancel := context.WithCancel(context.Background())
	return &told{Context: ctx, cancel: cancel, waits: make(chan struct{}, 2)}
}

func (c *told) Done() <-chan struct{} {
	c.waits <- struct{}{}
	if c.deaf {
		return nil
	}
	return c.Context.Done()
}

func TestCanonical(t *testing.T) {
	for name, made := range map[string]string{"content-type": "Content-Type", "x-REQUEST-id": "X-Request-Id", "": "", "-": "-", "é": "é"} {
		for range 2 {
			if got := Canonical(name); got != made {
				t.Errorf("%q: %q, not %q", name, got, made)
			}
		}
	}
}
