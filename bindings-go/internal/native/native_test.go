//go:build cgo

package native

import (
	"context"
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

func TestCanonical(t *testing.T) {
	for name, made := range map[string]string{"content-type": "Content-Type", "x-REQUEST-id": "X-Request-Id", "": "", "-": "-", "é": "é"} {
		for range 2 {
			if got := Canonical(name); got != made {
				t.Errorf("%q: %q, not %q", name, got, made)
			}
		}
	}
}
