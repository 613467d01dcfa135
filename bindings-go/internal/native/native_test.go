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

const operation = "kits.run"

// errorRecord has the fields of an error that these tests compare.
type errorRecord struct {
	Kind     string  `json:"kind"`
	Message  string  `json:"message"`
	Display  string  `json:"display"`
	Attempts int     `json:"attempts"`
	Elapsed  float64 `json:"elapsed"` // seconds
}

func decodeError(result *Result) (record errorRecord, err error) {
	err = json.Unmarshal(result.ErrorJSON, &record)
	return record, err
}

// Any input results in a client, a result or an error, and never in a crash.
func FuzzABI(f *testing.F) {
	f.Add([]byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0}`), operation, []byte(`{"kit":"k","input":"p"}`), []byte(`{"timeout_ms":5}`), uint64(0))
	f.Add([]byte(`{`), "kits.stop", []byte("\xff"), []byte(`[]`), uint64(1)<<60)
	valid := []byte(`{"api_key":"bak_1","base_url":"http://127.0.0.1:1/v1","max_retries":0}`)
	f.Fuzz(func(t *testing.T, options []byte, operation string, request, callOptions []byte, invalidHandle uint64) {
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
		for _, handle := range []uint64{client, invalidHandle, client ^ 1<<(invalidHandle%64)} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			used := false
			completed, err := Run(ctx, handle, operation, request, callOptions, func(result *Result) {
				// The port is closed, so no call succeeds.
				record, err := decodeError(result)
				used = err == nil && record.Kind != "" && record.Message != "" && record.Display != ""
			})
			cancel()
			for _, name := range []string{operation, "usage", "kits.estimate", "catalog"} {
				payload, rejected, err := Query(handle, name, request)
				if results := len(payload) > 0; results == (rejected != nil || err != nil) || (handle != client && handle != 0 && results) {
					t.Fatal(name, handle == client, payload, rejected, err)
				}
			}
			if completed != used || completed != (err == nil) || (handle != client && completed) {
				t.Fatal(handle == client, completed, used, err)
			}
		}
	})
}

// If all submit slots are taken, as by calls with prompts of megabytes, a call waits until its context ends, and a call in
// flight can be canceled nevertheless.
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
	start := func(ctx *observedContext) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, operation, request, nil, func(result *Result) { panic(string(result.ErrorJSON)) })
			ended <- err
		}()
		<-ctx.used
		return ended
	}
	inFlight := newObservedContext()
	inFlightEnded := start(inFlight)

	taken := 8
	for range taken {
		submitSlots <- struct{}{}
	}
	defer func() {
		for range taken {
			<-submitSlots
		}
	}()
	waiting := newObservedContext()
	waitingEnded := start(waiting)
	waiting.cancel()
	if err := await(t, waitingEnded); !errors.Is(err, ErrNotStarted) {
		t.Errorf("%v", err)
	}
	inFlight.cancel()
	if err := await(t, inFlightEnded); err != nil {
		t.Errorf("%v", err)
	}

	// The context of this call has ended when the call gets a slot.
	late := newObservedContext()
	late.hideDone = true
	lateEnded := start(late)
	late.cancel()
	<-submitSlots
	taken--
	if err := await(t, lateEnded); !errors.Is(err, ErrNotStarted) || len(submitSlots) != taken {
		t.Errorf("%v, %d slots taken", err, len(submitSlots))
	}
}

// The wait for a slot counts towards the timeout of the call, whether the client, the call or a deadline sets it.
func TestWaitForSlotCountsTowardsTimeout(t *testing.T) {
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
		ctx := newObservedContext()
		var got errorRecord
		var decodeErr error
		ended := make(chan error, 1)
		go func() {
			_, err := Run(ctx, client, operation, []byte(`{"kit":"k","input":{"prompt":"p"}}`), []byte(row.call), func(result *Result) {
				got, decodeErr = decodeError(result)
			})
			ended <- err
		}()
		<-ctx.used
		time.Sleep(20 * time.Millisecond)
		for range cap(submitSlots) {
			<-submitSlots
		}
		if err := await(t, ended); err != nil || decodeErr != nil || got.Kind != "timeout" || got.Attempts != 0 || got.Elapsed < 0.02 {
			t.Errorf("%v: %+v, %v, %v", row, got, err, decodeErr)
		}
	}
}

func await(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Run did not return")
		return nil
	}
}

// observedContext reports each use of Done. If hideDone is set, its end is visible in Err only.
type observedContext struct {
	context.Context
	cancel   context.CancelFunc
	used     chan struct{}
	hideDone bool
}

func newObservedContext() *observedContext {
	ctx, cancel := context.WithCancel(context.Background())
	return &observedContext{Context: ctx, cancel: cancel, used: make(chan struct{}, 2)}
}

func (c *observedContext) Done() <-chan struct{} {
	c.used <- struct{}{}
	if c.hideDone {
		return nil
	}
	return c.Context.Done()
}
