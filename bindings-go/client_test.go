//go:build cgo

package builderaikits_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	sdk "builderaikits.com/sdk"
)

func TestRequestIsSentUnchanged(t *testing.T) {
	type request struct {
		headers http.Header
		body    string
	}
	received := make(chan request, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		received <- request{r.Header, string(sent)}
		respond(200, runJSON, "X-Request-Id", "req_1", "x-two", "a", "x-two", "b")(w, r)
	})
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithAPIKey("bak_1"), sdk.WithHeader("X-Client", "c"), sdk.WithAppName("app/1"))
	params := sdk.RunParams{
		Kit:    "new-kit",
		Input:  sdk.RunInput{Prompt: "sch\u00f6n \U0001f600 \"\\\n\t\x00\u2028", Context: "c", Extra: map[string]any{"files": []any{nil, 2.5}}},
		Config: &sdk.RunConfig{MaxTokens: sdk.Int(7), Temperature: sdk.Float(0), Extra: map[string]any{"top": map[string]int{"p": -1}}},
		Extra:  map[string]any{"also": true},
	}
	got := run(t, c, params, sdk.WithHeader("X-Call", "d"), sdk.WithIdempotencyKey("key-1"), sdk.WithTimeout(sdk.NoTimeout),
		sdk.WithMaxRetries(0), sdk.WithRetryAmbiguous(true))
	want := `{"kit": "new-kit", "input": {"prompt": "sch\u00f6n \ud83d\ude00 \"\\\n\t\u0000\u2028", "context": "c", "files": [null, 2.5]},
		"config": {"max_tokens": 7, "temperature": 0.0, "top": {"p": -1}}, "also": true}`
	sent := <-received
	if !sameJSON(t, sent.body, want) {
		t.Errorf("sent %s", sent.body)
	}
	for name, value := range map[string]string{"X-Client": "c", "X-Call": "d", "Idempotency-Key": "key-1", "Authorization": "Bearer bak_1",
		"User-Agent": "builderaikits-go/" + sdk.Version + " app/1"} {
		if got := sent.headers.Get(name); got != value {
			t.Errorf("%s: %q, not %q", name, got, value)
		}
	}
	m := got.ResponseMetadata
	if m.Attempts != 1 || m.IdempotencyKey != "key-1" || m.RequestID != "req_1" || m.Elapsed <= 0 {
		t.Errorf("%+v", m)
	}
	if got := m.Headers["X-Two"]; !reflect.DeepEqual(got, []string{"a", "b"}) || m.Headers.Get("x-REQUEST-id") != "req_1" {
		t.Errorf("headers %v", m.Headers)
	}
	got.ResponseMetadata = sdk.ResponseMetadata{}
	// As a user would write it in a test.
	if want := (&sdk.Run{ID: "run_1", Kit: "text-gen", Status: "completed", Output: sdk.Output{Text: "hi"}, Usage: sdk.Usage{TotalTokens: 2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
}

func TestRejectedRequests(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	c := client(t, sdk.WithBaseURL(s.URL()))
	cyclic, deep := map[string]any{}, any(nil)
	cyclic["a"] = cyclic
	for range 200 {
		deep = []any{deep}
	}
	text := func(prompt string) sdk.RunInput { return sdk.RunInput{Prompt: prompt} }
	config := func(c sdk.RunConfig) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: text("p"), Config: &c}
	}
	extra := func(fields map[string]any) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "p", Extra: fields}}
	}
	table := []struct {
		params  sdk.RunParams
		option  sdk.RunOption
		name    string
		message string
	}{
		{sdk.RunParams{Input: text("secret")}, nil, "kit", "kit must not be empty"},
		{sdk.RunParams{Kit: "\xff", Input: text("secret")}, nil, "kit", "kit is not valid UTF-8 (byte 0)."},
		{sdk.RunParams{Kit: "k", Input: text("secret\xc3")}, nil, "input.prompt", "input.prompt is not valid UTF-8 (byte 6)."},
		{sdk.RunParams{Kit: "k", Input: sdk.RunInput{Context: "\ufffd\xed\xa0\x80"}}, nil, "input.context", "input.context is not valid UTF-8 (byte 3)."},
		{sdk.RunParams{Kit: "k", Input: text("p"), Extra: map[string]any{"kit": 1}}, nil, "kit", "kit is a field of its own."},
		{extra(map[string]any{"prompt": "secret"}), nil, "input.prompt", "input.prompt is a field of its own."},
		{extra(map[string]any{"secret\xff": 1}), nil, "input.Extra", "input.Extra has a key that is not valid UTF-8 (byte 6)."},
		{extra(map[string]any{"x": "secret\xff"}), nil, "input.x", "input.x contains text that is not valid UTF-8."},
		{extra(map[string]any{"x": []any{map[string]any{"\xff": 1}}}), nil, "input.x", "input.x contains text that is not valid UTF-8."},
		{extra(map[string]any{"x": []string{"secret\xff"}}), nil, "input.x", "input.x contains text that is not valid UTF-8."},
		{extra(map[string]any{"x": struct{ A string }{"\xff"}}), nil, "input.x", "input.x contains text that is not valid UTF-8."},
		{extra(map[string]any{"x": json.RawMessage("\"\xff\"")}), nil, "input.x", "input.x contains text that is not valid UTF-8."},
		{extra(map[string]any{"x": cyclic}), nil, "input.x", "input.x cannot be encoded as JSON."},
		{extra(map[string]any{"x": make(chan int)}), nil, "input.x", "input.x cannot be encoded as JSON."},
		{extra(map[string]any{"x": math.NaN()}), nil, "input.x", "input.x cannot be encoded as JSON."},
		{extra(map[string]any{"x": deep}), nil, "input.x", "input.x is nested more than 100 levels deep."},
		{extra(map[string]any{"x": json.RawMessage(strings.Repeat("[", 101) + strings.Repeat("]", 101))}), nil, "input.x", "input.x is nested more than 100 levels deep."},
		{config(sdk.RunConfig{MaxTokens: sdk.Int(0)}), nil, "config.max_tokens", "config.max_tokens must be"},
		{config(sdk.RunConfig{MaxTokens: sdk.Int(-1)}), nil, "config.max_tokens", "config.max_tokens must be"},
		{config(sdk.RunConfig{Temperature: sdk.Float(math.NaN())}), nil, "config.temperature", "config.temperature must be a finite number."},
		{config(sdk.RunConfig{Temperature: sdk.Float(math.Inf(-1))}), nil, "config.temperature", "config.temperature must be a finite number."},
		{config(sdk.RunConfig{Extra: map[string]any{"max_tokens": 1}, MaxTokens: sdk.Int(2)}), nil, "config.max_tokens", "config.max_tokens is a field of its own."},
		{hello, sdk.WithTimeout(0), "WithTimeout", "`WithTimeout` must be"},
		{hello, sdk.WithTimeout(-1), "WithTimeout", "`WithTimeout` must be"},
		{hello, sdk.WithMaxRetries(-1), "WithMaxRetries", "`WithMaxRetries` must be"},
		{hello, sdk.WithIdempotencyKey(""), "WithIdempotencyKey", "`WithIdempotencyKey` must be 1 to 255"},
		{hello, sdk.WithIdempotencyKey("\xff"), "WithIdempotencyKey", "`WithIdempotencyKey` is not valid UTF-8 (byte 0)."},
		{hello, sdk.WithHeader("Authorization", "secret"), "WithHeader", "Authorization"},
		{hello, sdk.WithHeader("x", "secret\r\ny: z"), "WithHeader", "the value of 'x' contains a control character"},
		{hello, sdk.WithHeader("x", "\xff"), "WithHeader", "`WithHeader` is not valid UTF-8 (byte 0)."},
		{sdk.RunParams{Kit: "k", Input: text(strings.Repeat("a", 32<<20))}, nil, "", "32 MiB"},
	}
	for _, row := range table {
		_, err := c.Kits.Run(context.Background(), row.params, row.option)
		var e *sdk.Error
		if !errors.Is(err, sdk.ErrInvalidRequest) || !errors.As(err, &e) || e.Option != row.name || !strings.Contains(e.Message, row.message) || e.MayHaveRun || e.Attempts != 0 {
			t.Errorf("%s, %s: got %q, %#v", row.name, row.message, e.Option, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
	if len(s.requested) != 0 {
		t.Error("something was sent")
	}
	//lint:ignore SA1012 a nil context is what is tested
	if _, err := c.Kits.Run(nil, hello); !errors.Is(err, sdk.ErrInvalidRequest) { //nolint:staticcheck
		t.Error(err)
	}
}

func TestRejectedOptions(t *testing.T) {
	table := []struct {
		option  sdk.Option
		name    string
		message string
	}{
		{sdk.WithAPIKey(""), "WithAPIKey", "`WithAPIKey` is empty."},
		{sdk.WithAPIKey("bak_secret\xff"), "WithAPIKey", "`WithAPIKey` is not valid UTF-8 (byte 10)."},
		{sdk.WithBaseURL("http://example.com"), "WithBaseURL", "`WithAllowHTTP`"},
		{sdk.WithTimeout(0), "WithTimeout", "`WithTimeout` must be"},
		{sdk.WithAttemptTimeout(-time.Second), "WithAttemptTimeout", "`WithAttemptTimeout` must be"},
		{sdk.WithConnectTimeout(0), "WithConnectTimeout", "`WithConnectTimeout` must be"},
		{sdk.WithMaxRetries(math.MaxInt), "WithMaxRetries", "`WithMaxRetries` must be"},
		{sdk.WithMaxConcurrency(0), "WithMaxConcurrency", "`WithMaxConcurrency` must be"},
		{sdk.WithMaxResponseBytes(-1), "WithMaxResponseBytes", "`WithMaxResponseBytes` must be"},
		{sdk.WithProxy("ftp://secret"), "WithProxy", "`WithProxy`"},
		{sdk.WithCAFile("/nonexistent"), "WithCAFile", "`WithCAFile`"},
		{sdk.WithAppName("a\nb"), "WithAppName", "`WithAppName` must be"},
		{sdk.WithHeader("Host", "secret"), "WithHeader", "Host"},
	}
	for _, row := range table {
		_, err := sdk.NewClient(row.option)
		var e *sdk.Error
		if !errors.Is(err, sdk.ErrConfig) || !errors.As(err, &e) || e.Option != row.name || !strings.Contains(e.Message, row.message) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s, %s: got %q, %v", row.name, row.message, e.Option, err)
		}
	}
	t.Setenv("BUILDERAIKITS_API_KEY", "")
	if _, err := sdk.NewClient(); !errors.Is(err, sdk.ErrConfig) || !strings.Contains(err.Error(), "BUILDERAIKITS_API_KEY") {
		t.Error(err)
	}
}

func TestCopiesShareStateAndCloseTogether(t *testing.T) {
	sent := make(chan string, 9)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Get("Authorization") + " " + r.Header.Get("X-A")
		respond(200, runJSON)(w, r)
	})
	first := client(t, sdk.WithBaseURL(s.URL()), sdk.WithHeader("X-A", "a"))
	second, err := first.WithOptions(sdk.WithAPIKey("bak_2"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, first, hello)
	run(t, second, hello)
	if a, b := <-sent, <-sent; a != "Bearer bak_test a" || b != "Bearer bak_2 a" {
		t.Error(a, b)
	}
	if _, err := first.WithOptions(sdk.WithMaxConcurrency(3)); !errors.Is(err, sdk.ErrConfig) {
		t.Error(err)
	}
	second.Close()
	second.Close()
	for _, c := range []*sdk.Client{first, second} {
		if _, err := c.Kits.Run(context.Background(), hello); !errors.Is(err, sdk.ErrClosed) {
			t.Error(err)
		}
	}
	for _, c := range []*sdk.Client{nil, {}} {
		if _, err := c.WithOptions(); !errors.Is(err, sdk.ErrConfig) {
			t.Error(err)
		}
		c.Close()
	}
	if _, err := new(sdk.Client).Kits.Run(context.Background(), hello); !errors.Is(err, sdk.ErrConfig) {
		t.Error(err)
	}
}

func TestUnreachableClientClosesItsConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	closed := make(chan error, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer connection.Close()
		reader := bufio.NewReader(connection)
		request, err := http.ReadRequest(reader)
		if err == nil {
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", len(runJSON), runJSON)
			_, err = reader.ReadByte()
		}
		if err == io.EOF {
			err = nil
		}
		closed <- err
	}()
	func() {
		c, err := sdk.NewClient(sdk.WithBaseURL("http://" + listener.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		run(t, c, hello)
	}()
	for deadline := time.After(20 * time.Second); ; {
		runtime.GC()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
			return
		case <-deadline:
			t.Fatal("the connection is still open")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestVersionMatchesTheCore(t *testing.T) {
	manifest, err := os.ReadFile("../Cargo.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manifest), "\nversion = \""+sdk.Version+"\"\n") {
		t.Errorf("Version is %s, which is not the version in Cargo.toml", sdk.Version)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// A U+FFFD, and a backslash before the letters of its escape, are not invalid UTF-8.
func TestReplacementCharactersAreSent(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	for _, value := range []any{"\ufffd", []string{"\ufffd", `\ufffd`}, map[string]string{"a": `\\ufffd`}} {
		params := sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "p", Extra: map[string]any{"x": value}}}
		if _, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(t.Context(), params); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestLastHeaderOfTheSameNameWins(t *testing.T) {
	sent := make(chan []string, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Values("X-Tenant")
		respond(200, runJSON)(w, r)
	})
	run(t, client(t, sdk.WithBaseURL(s.URL()), sdk.WithHeader("X-Tenant", "a"), sdk.WithHeader("x-tenant", "b")), hello)
	if values := <-sent; len(values) != 1 || values[0] != "b" {
		t.Errorf("%q", values)
	}
}
