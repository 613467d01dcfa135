//go:build cgo

package native

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"testing"
	"time"
)

// Any input results in a client, a result or an error; never a crash.
func FuzzABI(f *testing.F) {
	f.Add([]byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0}`), []byte(`{"kit":"k","input":"p"}`), []byte(`{"timeout_ms":5}`), uint64(0))
	f.Add([]byte(`{`), []byte("\xff"), []byte(`[]`), uint64(1)<<60)
	valid := []byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0}`)
	f.Fuzz(func(t *testing.T, options, request, call []byte, other uint64) {
		client, rejected, err := NewClient(0, options)
		if (client != 0) == (rejected != nil || err != nil) {
			t.Fatal(client, rejected, err)
		}
		FreeClient(client)
		FreeClient(client)
		client, _, err = NewClient(0, valid)
		if err != nil {
			t.Fatal(err)
		}
		defer FreeClient(client)
		for _, handle := range []uint64{client, other, client ^ 1<<(other%64)} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			used := false
			completed, err := Run(ctx, handle, "kits.run", request, call, func(result *Result) {
				// Nothing listens on the port, so no call succeeds.
				used = json.Valid(result.ErrorJSON)
			})
			cancel()
			if completed != used || completed != (err == nil) || (handle != client && completed) {
				t.Fatal(handle == client, completed, used, err)
			}
		}
	})
}

// Eight calls are being submitted, as with prompts of megabytes: a ninth waits until its context ends, and a call in flight
// can be canceled.
func TestSubmitSlots(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, rejected, err := NewClient(0, []byte(`{"api_key":"bak_1","base_url":"http://`+listener.Addr().String()+`/v1","timeout_ms":null}`))
	if err != nil || rejected != nil {
		t.Fatal(rejected, err)
	}
	defer FreeClient(client)
	request := []byte(`{"kit":"k","input":{"prompt":"p"}}`)
	start := func(ctx *testContext) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, "kits.run", request, nil, func(result *Result) { panic(string(result.ErrorJSON)) })
			ended <- err
		}()
		<-ctx.doneCalled
		return ended
	}
	inFlight := newTestContext()
	ended := start(inFlight)

	held := 8
	for range held {
		submitSlots <- struct{}{}
	}
	defer func() {
		for range held {
			<-submitSlots
		}
	}()
	waiting := newTestContext()
	waits := start(waiting)
	waiting.cancel()
	if err := within(t, waits); !errors.Is(err, ErrNotStarted) {
		t.Errorf("%v", err)
	}
	inFlight.cancel()
	if err := within(t, ended); err != nil {
		t.Errorf("%v", err)
	}

	// A context that ended before its slot became free.
	late := newTestContext()
	late.neverDone = true
	waits = start(late)
	late.cancel()
	<-submitSlots
	held--
	if err := within(t, waits); !errors.Is(err, ErrNotStarted) || len(submitSlots) != held {
		t.Errorf("%v, %d slots taken", err, len(submitSlots))
	}
}

// The wait for a slot counts towards the timeout, whether the client or the call has it.
func TestWaitForASlotCountsTowardsTheTimeout(t *testing.T) {
	table := []struct{ client, call string }{
		{`"timeout_ms":20`, ``},
		{`"timeout_ms":null`, `{"timeout_ms":20,"idempotency_key":"k"}`},
		{`"timeout_ms":null`, `{"deadline_ms":20}`},
		{`"timeout_ms":20`, `{"deadline_ms":60000}`},
	}
	for _, row := range table {
		client, rejected, err := NewClient(0, []byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0,`+row.client+`}`))
		if err != nil || rejected != nil {
			t.Fatal(rejected, err)
		}
		defer FreeClient(client)
		for range cap(submitSlots) {
			submitSlots <- struct{}{}
		}
		ctx := newTestContext()
		var got struct {
			Kind     string
			Attempts int
			Elapsed  float64
		}
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, "kits.run", []byte(`{"kit":"k","input":{"prompt":"p"}}`), []byte(row.call), func(result *Result) {
				_ = json.Unmarshal(result.ErrorJSON, &got)
			})
			ended <- err
		}()
		<-ctx.doneCalled
		time.Sleep(20 * time.Millisecond)
		for range cap(submitSlots) {
			<-submitSlots
		}
		if err := within(t, ended); err != nil || got.Kind != "timeout" || got.Attempts != 0 || got.Elapsed < 0.020 {
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
		t.Fatal("the call is still in flight")
		return nil
	}
}

// testContext reports calls of Done.
type testContext struct {
	context.Context
	cancel     context.CancelFunc
	doneCalled chan struct{}
	neverDone  bool // Done returns nil
}

func newTestContext() *testContext {
	ctx, cancel := context.WithCancel(context.Background())
	return &testContext{Context: ctx, cancel: cancel, doneCalled: make(chan struct{}, 2)}
}

func (c *testContext) Done() <-chan struct{} {
	c.doneCalled <- struct{}{}
	if c.neverDone {
		return nil
	}
	return c.Context.Done()
}
