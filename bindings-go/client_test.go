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

func TestTheWholeRequestCrosses(t *testing.T) {
	type request struct {
		headers http.Header
		body    string
	}
	received := make(chan request, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		received <- request{r.Header, string(sent)}
		answers(200, answer, "X-Request-Id", "req_1", "x-two", "a", "x-two", "b")(w, r)
	})
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithAPIKey("bak_1"), sdk.WithHeader("X-Client", "c"), sdk.WithAppName("app/1"))
	params := sdk.RunParams{
		Kit:    "new-kit",
		Input:  sdk.Input{Prompt: "sch\u00f6n \U0001f600 \"\\\n\t\x00\u2028", Context: "c", Extra: map[string]any{"files": []any{nil, 2.5}}},
		Config: &sdk.Config{MaxTokens: sdk.Int(7), Temperature: sdk.Float(0), Extra: map[string]any{"top": map[string]int{"p": -1}}},
		Extra:  map[string]any{"also": true},
	}
	made := run(t, c, params, sdk.WithHeader("X-Call", "d"), sdk.WithIdempotencyKey("key-1"), sdk.WithTimeout(sdk.NoTimeout),
		sdk.WithMaxRetries(0), sdk.WithRetryAmbiguous(true))
	expect := `{"kit": "new-kit", "input": {"prompt": "sch\u00f6n \ud83d\ude00 \"\\\n\t\u0000\u2028", "context": "c", "files": [null, 2.5]},
		"config": {"max_tokens": 7, "temperature": 0.0, "top": {"p": -1}}, "also": true}`
	sent := <-received
	if !sameJSON(t, sent.body, expect) {
		t.Errorf("sent %s", sent.body)
	}
	for name, value := range map[string]string{"X-Client": "c", "X-Call": "d", "Idempotency-Key": "key-1", "Authorization": "Bearer bak_1",
		"User-Agent": "builderaikits-go/" + sdk.Version + " app/1"} {
		if got := sent.headers.Get(name); got != value {
			t.Errorf("%s: %q, not %q", name, got, value)
		}
	}
	m := made.ResponseMetadata
	if m.Attempts != 1 || m.IdempotencyKey != "key-1" || m.RequestID != "req_1" || m.Elapsed <= 0 {
		t.Errorf("%+v", m)
	}
	if got := m.Headers["X-Two"]; !reflect.DeepEqual(got, []string{"a", "b"}) || m.Headers.Get("x-REQUEST-id") != "req_1" {
		t.Errorf("headers %v", m.Headers)
	}
	made.ResponseMetadata = sdk.ResponseMetadata{}
	// As a user would write it in a test.
	if want := (&sdk.Run{ID: "run_1", Kit: "text-gen", Status: "completed", Output: sdk.Output{Text: "hi"}, Usage: sdk.Usage{TotalTokens: 2}}); !reflect.DeepEqual(made, want) {
		t.Errorf("%+v, not %+v", made, want)
	}
}

func TestRefusedBeforeAnythingIsSent(t *testing.T) {
	s := serve(t, answers(200, answer))
	c := client(t, sdk.WithBaseURL(s.URL()))
	itself, deep := map[string]any{}, any(nil)
	itself["a"] = itself
	for range 200 {
		deep = []any{deep}
	}
	text := func(prompt string) sdk.Input { return sdk.Input{Prompt: prompt} }
	config := func(c sdk.Config) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: text("p"), Config: &c}
	}
	extra := func(fields map[string]any) sdk.RunParams {
		return sdk.RunParams{Kit: "k", Input: sdk.Input{Prompt: "p", Extra: fields}}
	}
	table := []struct {
		params  sdk.RunParams
		option  sdk.RunOption
		message string
	}{
		{sdk.RunParams{Input: text("secret")}, nil, "kit: is empty"},
		{sdk.RunParams{Kit: "\xff", Input: text("secret")}, nil, "kit: is not UTF-8 (from byte 0)"},
		{sdk.RunParams{Kit: "k", Input: text("secret\xc3")}, nil, "input.prompt: is not UTF-8 (from byte 6)"},
		{sdk.RunParams{Kit: "k", Input: sdk.Input{Context: "\ufffd\xed\xa0\x80"}}, nil, "input.context: is not UTF-8 (from byte 3)"},
		{sdk.RunParams{Kit: "k", Input: text("p"), Extra: map[string]any{"kit": 1}}, nil, "kit: is a field of its own"},
		{extra(map[string]any{"prompt": "secret"}), nil, "input.prompt: is a field of its own"},
		{extra(map[string]any{"x": "secret\xff"}), nil, "input.x: has a text that is not UTF-8"},
		{extra(map[string]any{"x": []any{map[string]any{"\xff": 1}}}), nil, "input.x: has a name that is not UTF-8"},
		{extra(map[string]any{"x": itself}), nil, "input.x: is nested over 100 levels deep"},
		{extra(map[string]any{"x": deep}), nil, "input.x: is nested over 100 levels deep"},
		{extra(map[string]any{"x": make(chan int)}), nil, "input.x: cannot be written as JSON"},
		{extra(map[string]any{"x": []string{"secret\xff"}}), nil, "input.x: has a text that is not UTF-8"},
		{extra(map[string]any{"x": struct{ A string }{"\xff"}}), nil, "input.x: has a text that is not UTF-8"},
		{extra(map[string]any{"x": json.RawMessage("\"\xff\"")}), nil, "input.x: has a text that is not UTF-8"},
		{extra(map[string]any{"x": math.NaN()}), nil, "input.x: cannot be written as JSON"},
		{config(sdk.Config{MaxTokens: sdk.Int(0)}), nil, "config.max_tokens: must be at least 1"},
		{config(sdk.Config{MaxTokens: sdk.Int(-1)}), nil, "config.max_tokens: must be a whole number"},
		{config(sdk.Config{Temperature: sdk.Float(math.NaN())}), nil, "config.temperature: must be a finite number"},
		{config(sdk.Config{Temperature: sdk.Float(math.Inf(-1))}), nil, "config.temperature: must be a finite number"},
		{config(sdk.Config{Extra: map[string]any{"max_tokens": 1}, MaxTokens: sdk.Int(2)}), nil, "config.max_tokens: is a field"},
		{hello, sdk.WithTimeout(0), "timeout: must be more than 0"},
		{hello, sdk.WithTimeout(-1), "timeout: must be more than 0"},
		{hello, sdk.WithMaxRetries(-1), "max_retries: must be a whole number"},
		{hello, sdk.WithIdempotencyKey(""), "idempotency_key: must be 1 to 255"},
		{hello, sdk.WithIdempotencyKey("\xff"), "idempotency_key: is not UTF-8"},
		{hello, sdk.WithHeader("Authorization", "secret"), "headers: `Authorization` is set by the SDK"},
		{hello, sdk.WithHeader("x", "secret\r\ny: z"), "headers: the value of `x`"},
		{hello, sdk.WithHeader("x", "\xff"), "headers, a value: is not UTF-8"},
		{sdk.RunParams{Kit: "k", Input: text(strings.Repeat("a", 32<<20))}, nil, "the request"},
	}
	for _, row := range table {
		_, err := c.Kits.Run(context.Background(), row.params, row.option)
		var e *sdk.Error
		if !errors.Is(err, sdk.ErrInvalidRequest) || !errors.As(err, &e) || !strings.HasPrefix(e.Message, row.message) || e.MayHaveRun || e.Attempts != 0 {
			t.Errorf("%s: got %#v", row.message, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
	if len(s.asked) != 0 {
		t.Error("something was sent")
	}
	//lint:ignore SA1012 what is given here is the test
	if _, err := c.Kits.Run(nil, hello); !errors.Is(err, sdk.ErrInvalidRequest) { //nolint:staticcheck
		t.Error(err)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	table := []struct {
		option  sdk.Option
		message string
	}{
		{sdk.WithAPIKey(""), "api_key: is empty"},
		{sdk.WithAPIKey("bak_secret\xff"), "api_key: is not UTF-8"},
		{sdk.WithBaseURL("http://example.com"), "base_url: plain http"},
		{sdk.WithTimeout(0), "timeout: must be more than 0"},
		{sdk.WithAttemptTimeout(-time.Second), "attempt_timeout: must be more than 0"},
		{sdk.WithConnectTimeout(0), "connect_timeout: must be more than 0"},
		{sdk.WithMaxRetries(math.MaxInt), "max_retries: must be a whole number"},
		{sdk.WithMaxConcurrency(0), "max_concurrency: must be at least 1"},
		{sdk.WithMaxResponseBytes(-1), "max_response_bytes: must be a whole number"},
		{sdk.WithProxy("ftp://secret"), "proxy: is neither"},
		{sdk.WithCAFile("/nonexistent"), "ca_file"},
		{sdk.WithAppName("a\nb"), "app_name: must be visible ASCII"},
		{sdk.WithHeader("Host", "secret"), "headers: `Host` is set by the SDK"},
	}
	for _, row := range table {
		_, err := sdk.NewClient(row.option)
		var e *sdk.Error
		if !errors.Is(err, sdk.ErrConfig) || !errors.As(err, &e) || !strings.HasPrefix(e.Message, row.message) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", row.message, err)
		}
	}
	t.Setenv("BUILDERAIKITS_API_KEY", "")
	if _, err := sdk.NewClient(); !errors.Is(err, sdk.ErrConfig) || !strings.Contains(err.Error(), "set BUILDERAIKITS_API_KEY") {
		t.Error(err)
	}
}

func TestCopiesShareAndCloseTogether(t *testing.T) {
	keys := make(chan string, 9)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		keys <- r.Header.Get("Authorization") + " " + r.Header.Get("X-A")
		answers(200, answer)(w, r)
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

func TestAClientThatIsNotReachableGivesItsConnectionsBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	gone := make(chan error, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			gone <- err
			return
		}
		defer connection.Close()
		reader := bufio.NewReader(connection)
		request, err := http.ReadRequest(reader)
		if err == nil {
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", len(answer), answer)
			_, err = reader.ReadByte()
		}
		if err == io.EOF {
			err = nil
		}
		gone <- err
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
		case err := <-gone:
			if err != nil {
				t.Error(err)
			}
			return
		case <-deadline:
			t.Fatal("its connection is still there")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestTheVersionIsTheCores(t *testing.T) {
	manifest, err := os.ReadFile("../Cargo.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manifest), "\nversion = \""+sdk.Version+"\"\n") {
		t.Errorf("Version is %s, and not that of Cargo.toml", sdk.Version)
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

// What encoding/json writes for U+FFFD itself, and for a backslash before the letters of its escape, is no fault.
func TestTextsThatLookReplacedAreSent(t *testing.T) {
	s := serve(t, answers(200, answer))
	for _, value := range []any{"\ufffd", []string{"\ufffd", `\ufffd`}, map[string]string{"a": `\\ufffd`}} {
		params := sdk.RunParams{Kit: "k", Input: sdk.Input{Prompt: "p", Extra: map[string]any{"x": value}}}
		if _, err := client(t, sdk.WithBaseURL(s.URL())).Kits.Run(t.Context(), params); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestOfAHeaderThatStandsThereTwiceTheLastCounts(t *testing.T) {
	sent := make(chan []string, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Values("X-Tenant")
		answers(200, answer)(w, r)
	})
	run(t, client(t, sdk.WithBaseURL(s.URL()), sdk.WithHeader("X-Tenant", "a"), sdk.WithHeader("x-tenant", "b")), hello)
	if values := <-sent; len(values) != 1 || values[0] != "b" {
		t.Errorf("%q", values)
	}
}
