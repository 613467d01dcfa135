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
		t.Errorf("sent %s, want %s", sent.body, want)
	}
	for name, value := range map[string]string{"X-Client": "c", "X-Call": "d", "Idempotency-Key": "key-1", "Authorization": "Bearer bak_1",
		"User-Agent": "builderaikits-go/" + sdk.Version + " app/1"} {
		if got := sent.headers.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	m := got.ResponseMetadata
	if m.Attempts != 1 || m.IdempotencyKey != "key-1" || m.RequestID != "req_1" || m.Elapsed <= 0 {
		t.Errorf("%+v", m)
	}
	if got := m.Headers["X-Two"]; !reflect.DeepEqual(got, []string{"a", "b"}) || m.Headers.Get("x-REQUEST-id") != "req_1" {
		t.Errorf("headers %v", m.Headers)
	}
	got.ResponseMetadata, got.Cost = sdk.ResponseMetadata{}, nil
	// A run that a user constructs for a test equals a received one.
	if want := (&sdk.Run{ID: "run_1", Kit: "text-gen", Status: "completed", Output: sdk.Output{Text: "hi"}, Usage: sdk.Usage{TotalTokens: 2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
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
	input := func(prompt string) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: prompt}}
	}
	config := func(c sdk.RunConfig) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "p"}, Config: &c}
	}
	extra := func(value any) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "p", Extra: map[string]any{"x": value}}}
	}
	secret := sdk.RunInput{Prompt: "secret"}
	table := []struct {
		params    sdk.RunParams
		runOption sdk.RunOption
		option    string // of the error
		message   string // a part of it
	}{
		{sdk.RunParams{Input: secret}, nil, "kit", "must not be empty"},
		{sdk.RunParams{Kit: "\xff", Input: secret}, nil, "kit", "kit is not valid UTF-8 (byte 0)."},
		{input("secret\xc3"), nil, "input.prompt", "input.prompt is not valid UTF-8 (byte 6)."},
		{sdk.RunParams{Kit: "k", Input: sdk.RunInput{Context: "\ufffd\xed\xa0\x80"}}, nil, "input.context", "input.context is not valid UTF-8 (byte 3)."},
		{sdk.RunParams{Kit: "k", Input: secret, Extra: map[string]any{"kit": 1}}, nil, "kit", "kit is a field of its own. Set it there, not in `Extra`."},
		{sdk.RunParams{Kit: "k", Input: sdk.RunInput{Extra: map[string]any{"prompt": "secret"}}}, nil, "input.prompt", "input.prompt is a field of its own."},
		{extra("secret\xff"), nil, "input.x", "that is not valid UTF-8."},
		{extra([]any{map[string]any{"\xff": 1}}), nil, "input.x", "that is not valid UTF-8."},
		{extra([]string{"secret\xff"}), nil, "input.x", "that is not valid UTF-8."},
		{extra(struct{ A string }{"\xff"}), nil, "input.x", "that is not valid UTF-8."},
		{extra(json.RawMessage("\"\xff\"")), nil, "input.x", "that is not valid UTF-8."},
		{extra(cyclic), nil, "input.x", "input.x cannot be encoded as JSON."},
		{extra(deep), nil, "input.x", "input.x is nested more than 100 levels deep."},
		{extra(make(chan int)), nil, "input.x", "input.x cannot be encoded as JSON."},
		{extra(math.NaN()), nil, "input.x", "input.x cannot be encoded as JSON."},
		{config(sdk.RunConfig{MaxTokens: sdk.Int(0)}), nil, "config.max_tokens", "must be at least 1"},
		{config(sdk.RunConfig{MaxTokens: sdk.Int(-1)}), nil, "config.max_tokens", "must be an integer from 1"},
		{config(sdk.RunConfig{Temperature: sdk.Float(math.NaN())}), nil, "config.temperature", "config.temperature must be a finite number."},
		{config(sdk.RunConfig{Temperature: sdk.Float(math.Inf(-1))}), nil, "config.temperature", "config.temperature must be a finite number."},
		{config(sdk.RunConfig{Extra: map[string]any{"max_tokens": 1}, MaxTokens: sdk.Int(2)}), nil, "config.max_tokens", "config.max_tokens is a field of its own."},
		{hello, sdk.WithTimeout(0), "WithTimeout", "`WithTimeout` must be more than 0"},
		{hello, sdk.WithTimeout(-1), "WithTimeout", "`WithTimeout` must be more than 0"},
		{hello, sdk.WithMaxRetries(-1), "WithMaxRetries", "`WithMaxRetries` must be an integer from 0"},
		{hello, sdk.WithIdempotencyKey(""), "WithIdempotencyKey", "`WithIdempotencyKey` must be 1 to 255"},
		{hello, sdk.WithIdempotencyKey("\xff"), "WithIdempotencyKey", "`WithIdempotencyKey` is not valid UTF-8 (byte 0)."},
		{hello, sdk.WithHeader("Authorization", "secret"), "WithHeader", "'Authorization' is set by the SDK"},
		{hello, sdk.WithHeader("x", "secret\r\ny: z"), "WithHeader", "the value of 'x' contains a control character"},
		{hello, sdk.WithHeader("x", "\xff"), "WithHeader", "not valid UTF-8"},
		{hello, sdk.WithHeader("\xff", "secret"), "WithHeader", "not valid UTF-8"},
		{input(strings.Repeat("a", 32<<20)), nil, "", "The request body is "},
	}
	for _, row := range table {
		_, err := c.Kits.Run(context.Background(), row.params, row.runOption)
		var e *sdk.Error
		switch {
		case !errors.Is(err, sdk.ErrInvalidRequest) || !errors.As(err, &e):
			t.Errorf("%s: got %#v", row.message, err)
		case e.Option != row.option || !strings.Contains(e.Message, row.message) || e.MayHaveRun || e.Attempts != 0:
			t.Errorf("%s: got %q of option %q: %+v", row.message, e.Message, e.Option, *e)
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("the error shows a value: %v", err)
		}
	}
	if len(s.received) != 0 {
		t.Errorf("%d requests were sent", len(s.received))
	}
	//lint:ignore SA1012 a nil context is what is tested
	_, err := c.Kits.Run(nil, hello) //nolint:staticcheck
	var e *sdk.Error
	if !errors.Is(err, sdk.ErrInvalidRequest) || !errors.As(err, &e) || e.Option != "ctx" || !strings.HasPrefix(e.Message, "ctx is nil.") {
		t.Errorf("%#v", err)
	}
}

func TestRejectedOptions(t *testing.T) {
	table := []struct {
		clientOption sdk.Option
		option       string // of the error
		message      string // a part of it
	}{
		{sdk.WithAPIKey(""), "WithAPIKey", "`WithAPIKey` is empty"},
		{sdk.WithAPIKey("bak_secret\xff"), "WithAPIKey", "`WithAPIKey` is not valid UTF-8 (byte 10)."},
		{sdk.WithBaseURL("http://example.com"), "WithBaseURL", "`WithBaseURL` uses plain http"},
		{sdk.WithTimeout(0), "WithTimeout", "`WithTimeout` must be more than 0"},
		{sdk.WithAttemptTimeout(-time.Second), "WithAttemptTimeout", "`WithAttemptTimeout` must be more than 0"},
		{sdk.WithConnectTimeout(0), "WithConnectTimeout", "`WithConnectTimeout` must be more than 0"},
		{sdk.WithMaxRetries(math.MaxInt), "WithMaxRetries", "`WithMaxRetries` must be an integer from 0"},
		{sdk.WithRateLimit("fast"), "WithRateLimit", "`WithRateLimit` is not known"},
		{sdk.WithRateLimit(""), "WithRateLimit", "`WithRateLimit` is not known"},
		{sdk.WithRateLimit("30\xff"), "WithRateLimit", "`WithRateLimit` is not valid UTF-8 (byte 2)."},
		{sdk.WithRateLimit(sdk.Quota{}.RateLimit()), "WithRateLimit", "`WithRateLimit` is not known"},
		{sdk.WithRateLimit(sdk.Quota{Requests: -1}.RateLimit()), "WithRateLimit", "`WithRateLimit` is not known"},
		{sdk.WithRateLimit(sdk.Quota{Requests: 1, Per: -time.Second}.RateLimit()), "WithRateLimit", "`WithRateLimit` is not known"},
		{sdk.WithRateLimit(sdk.Quota{Tokens: 1, Per: time.Nanosecond}.RateLimit()), "WithRateLimit", "`WithRateLimit` must count per 0.1 s to 1 day"},
		{sdk.WithPrices(map[sdk.Kit]string{"text-gen": "-1"}), "WithPrices", "`WithPrices`: the price of 'text-gen' must be a number of US dollars"},
		{sdk.WithPrices(map[sdk.Kit]string{"text_gen": "1"}), "WithPrices", "`WithPrices`: 'text_gen' is not a kit; the id is 'text-gen'."},
		{sdk.WithPrices(map[sdk.Kit]string{"secret\xff": "1"}), "WithPrices", "`WithPrices` is not valid UTF-8 (byte 6)."},
		{sdk.WithMaxConcurrency(0), "WithMaxConcurrency", "`WithMaxConcurrency` must be an integer from 1"},
		{sdk.WithMaxResponseBytes(-1), "WithMaxResponseBytes", "`WithMaxResponseBytes` must be an integer from 1"},
		{sdk.WithProxy("ftp://secret"), "WithProxy", "`WithProxy` has an unsupported scheme"},
		{sdk.WithCAFile("/nonexistent"), "WithCAFile", "`WithCAFile`"},
		{sdk.WithAppName("a\nb"), "WithAppName", "`WithAppName` must be printable ASCII"},
		{sdk.WithHeader("Host", "secret"), "WithHeader", "'Host' is set by the SDK"},
	}
	for _, row := range table {
		_, err := sdk.NewClient(row.clientOption)
		var e *sdk.Error
		switch {
		case !errors.Is(err, sdk.ErrConfig) || !errors.As(err, &e):
			t.Errorf("%s: got %#v", row.message, err)
		case e.Option != row.option || !strings.Contains(e.Message, row.message):
			t.Errorf("%s: got %q of option %q", row.message, e.Message, e.Option)
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("the error shows a value: %v", err)
		}
	}
	t.Setenv("BUILDERAIKITS_API_KEY", "")
	_, err := sdk.NewClient()
	var e *sdk.Error
	if !errors.Is(err, sdk.ErrConfig) || !errors.As(err, &e) || e.Option != "WithAPIKey" || !strings.Contains(e.Message, "set the BUILDERAIKITS_API_KEY") {
		t.Errorf("%#v", err)
	}
}

func TestCopiesShareStateAndCloseTogether(t *testing.T) {
	keys := make(chan string, 9)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Authorization") + " " + r.Header.Get("X-A")
		respond(200, runJSON)(w, r)
	})
	first := client(t, sdk.WithBaseURL(s.URL()), sdk.WithHeader("X-A", "a"))
	second, err := first.WithOptions(sdk.WithAPIKey("bak_2"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, first, hello)
	run(t, second, hello)
	if a, b := <-keys, <-keys; a != "Bearer bak_test a" || b != "Bearer bak_2 a" {
		t.Error(a, b)
	}
	for name, shared := range map[string]sdk.Option{
		"WithMaxConcurrency": sdk.WithMaxConcurrency(3), "WithRateLimit": sdk.WithRateLimit(sdk.RateLimitOff),
		"WithRetryBudget": sdk.WithRetryBudget(true), "WithPrices": sdk.WithPrices(nil),
	} {
		var e *sdk.Error
		if _, err := first.WithOptions(shared); !errors.Is(err, sdk.ErrConfig) || !errors.As(err, &e) || e.Option != name ||
			!strings.HasPrefix(e.Message, "`"+name+"` cannot be changed for a copy") {
			t.Error(err)
		}
	}
	var _ io.Closer = second
	for range 2 {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}
	run(t, first, hello)
	<-keys
	third, err := first.WithOptions()
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	for _, c := range []*sdk.Client{first, second, third} {
		if _, err := c.Kits.Run(context.Background(), hello); !errors.Is(err, sdk.ErrClosed) {
			t.Error(err)
		}
	}
	for _, c := range []*sdk.Client{nil, {}} {
		if _, err := c.WithOptions(); !errors.Is(err, sdk.ErrConfig) || !strings.Contains(err.Error(), "was not created with NewClient") {
			t.Error(err)
		}
		c.Close()
	}
	if _, err := new(sdk.Client).Kits.Run(context.Background(), hello); !errors.Is(err, sdk.ErrConfig) || !strings.Contains(err.Error(), "was not created with NewClient") {
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

func TestVersionIsThatOfTheCore(t *testing.T) {
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

// encoding/json replaces invalid bytes by the escape \ufffd. A text that contains U+FFFD, or the letters of that escape, is
// valid.
func TestReplacementCharactersAreSent(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	for _, value := range []any{"\ufffd", []string{"\ufffd", `\ufffd`}, map[string]string{"a": `\\ufffd`}} {
		params := sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "p", Extra: map[string]any{"x": value}}}
		if _, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(t.Context(), params); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestLastHeaderOfTheSameNameIsSent(t *testing.T) {
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
