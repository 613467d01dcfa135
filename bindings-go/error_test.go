//go:build cgo

package builderaikits_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	sdk "builderaikits.com/sdk"
)

func TestKindOfEachStatus(t *testing.T) {
	table := map[int]sdk.ErrorKind{400: sdk.ErrBadRequest, 401: sdk.ErrAuthentication, 403: sdk.ErrPermissionDenied,
		404: sdk.ErrNotFound, 409: sdk.ErrConflict, 418: sdk.ErrStatus, 422: sdk.ErrUnprocessable, 429: sdk.ErrRateLimit,
		500: sdk.ErrServer, 599: sdk.ErrServer, 302: sdk.ErrBadResponse}
	for status, kind := range table {
		s := serve(t, respond(status, `{"error":{"message":"no\nway","code":"nope"}}`, "Retry-After", "7", "X-Request-Id", "req_1"))
		_, err := client(t, sdk.WithBaseURL(s.URL()), sdk.WithMaxRetries(0)).Kits.Run(context.Background(), hello)
		var e *sdk.Error
		if !errors.Is(err, kind) || !errors.As(err, &e) {
			t.Errorf("%d: %v is not of kind %v", status, err, kind)
			continue
		}
		for other := range table {
			if table[other] != kind && errors.Is(err, table[other]) {
				t.Errorf("%d is of kind %v too", status, table[other])
			}
		}
		if e.StatusCode != status || e.RequestID != "req_1" || e.Attempts != 1 || e.IdempotencyKey == "" || e.Elapsed <= 0 ||
			e.Headers.Get("retry-after") != "7" || !strings.Contains(string(e.Body), "nope") || e.Retryable != (status == 429 || status >= 500) {
			t.Errorf("%d: %+v", status, *e)
		}
		if status < 400 {
			continue
		}
		if e.Code != "nope" || e.Message != `no\nway` || e.RetryAfter != 7*time.Second {
			t.Errorf("%d: %q %q %v", status, e.Code, e.Message, e.RetryAfter)
		}
		if want := fmt.Sprintf(`builderaikits: %d: no\nway (request req_1, 1 attempt)`, status); err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestErrorsWithoutResponse(t *testing.T) {
	silent := silent(t)
	table := []struct {
		kind       sdk.ErrorKind
		url        string
		options    []sdk.RunOption
		mayHaveRun bool
	}{
		{sdk.ErrConnection, closedPort(t), nil, false},
		{sdk.ErrTimeout, silent.URL(), []sdk.RunOption{sdk.WithTimeout(50 * time.Millisecond)}, true},
		{sdk.ErrTLS, "https" + strings.TrimPrefix(silent.URL(), "http"), nil, false},
		{sdk.ErrBadResponse, serve(t, respond(200, "<html>")).URL(), nil, true},
	}
	for _, row := range table {
		_, err := client(t, sdk.WithBaseURL(row.url), sdk.WithMaxRetries(0)).Kits.Run(context.Background(), hello, row.options...)
		var e *sdk.Error
		if row.kind == sdk.ErrTLS && errors.Is(err, sdk.ErrConnection) {
			continue // a server that does not speak TLS
		}
		var netError net.Error
		if !errors.As(err, &netError) || netError.Timeout() != (row.kind == sdk.ErrTimeout) || os.IsTimeout(err) != netError.Timeout() {
			t.Errorf("%v: as net.Error %#v", row.kind, err)
		}
		if !errors.Is(err, row.kind) || !errors.As(err, &e) || e.MayHaveRun != row.mayHaveRun || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: got %#v", row.kind, err)
		}
	}
}

func TestCauseOfFailedConnection(t *testing.T) {
	c := client(t, sdk.WithBaseURL(closedPort(t)), sdk.WithMaxRetries(0))
	_, err := c.Kits.Run(context.Background(), hello)
	var e *sdk.Error
	var errno syscall.Errno
	if !errors.Is(err, sdk.ErrConnection) || !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &errno) {
		t.Fatalf("%#v caused by %#v", err, errors.Unwrap(err))
	}
	if !errors.As(err, &e) || e.MayHaveRun || e.Attempts != 1 || e.StatusCode != 0 || e.Headers != nil {
		t.Errorf("%+v", *e)
	}
	// The message is the SDK's own, and complete without the text of the cause.
	if !strings.HasSuffix(e.Message, ".") || err.Error() != "builderaikits: "+e.Message+" (1 attempt)" {
		t.Error(err)
	}
}

func TestErrorText(t *testing.T) {
	table := []struct {
		err  sdk.Error
		text string
	}{
		{sdk.Error{Message: "m", Body: []byte("prompt"), Headers: http.Header{"X": {"prompt"}}}, "builderaikits: m"},
		{sdk.Error{Message: "m", Attempts: 1}, "builderaikits: m (1 attempt)"},
		{sdk.Error{Message: "m", StatusCode: 429, Attempts: 2}, "builderaikits: 429: m (2 attempts)"},
		{sdk.Error{Message: "m", StatusCode: 500, RequestID: "r\n1", Attempts: 3}, `builderaikits: 500: m (request r\n1, 3 attempts)`},
		{sdk.Error{Kind: sdk.ErrRateLimit}, "builderaikits: rate_limit"},
		{sdk.Error{Message: "`WithTimeout` must be more than 0.", Option: "WithTimeout"}, "builderaikits: `WithTimeout` must be more than 0."},
	}
	for _, row := range table {
		row.err.Kind = max(row.err.Kind, "internal")
		for _, text := range []string{row.err.Error(), fmt.Sprint(&row.err), fmt.Sprintf("%+v", &row.err),
			fmt.Sprint(row.err), fmt.Sprintf("%+v", row.err)} {
			if text != row.text {
				t.Errorf("got %q, want %q", text, row.text)
			}
		}
		for _, text := range []string{fmt.Sprintf("%#v", &row.err), fmt.Sprintf("%#v", row.err), logged(&row.err)} {
			if !strings.Contains(text, row.text) || strings.Contains(text, "prompt") {
				t.Error(text)
			}
		}
	}
}

func TestErrorAsJSONHasNoBodyAndNoHeaders(t *testing.T) {
	e := sdk.Error{Kind: sdk.ErrRateLimit, Message: "m", Option: "o", StatusCode: 429, Code: "c", RequestID: "r", Attempts: 2,
		RetryAfter: time.Second, MayHaveRun: true, Retryable: true, RetryStoppedBy: "deadline", IdempotencyKey: "k", Elapsed: 2 * time.Second}
	want := e
	e.Body, e.Headers = []byte("prompt"), http.Header{"X": {"prompt"}}
	for _, value := range []any{e, &e, map[string]any{"err": e}, logged(e), logged(map[string]any{"err": &e})} {
		if encoded, err := json.Marshal(value); err != nil || strings.Contains(string(encoded), "prompt") || strings.Contains(string(encoded), "cHJvbXB0") {
			t.Errorf("%s %v", encoded, err)
		}
	}
	encoded, _ := json.Marshal(e)
	var got sdk.Error
	if err := json.Unmarshal(encoded, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v %#v", encoded, err, got)
	}
}

// logged is a value as slog writes it, as JSON and as text.
func logged(value any) string {
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("", "value", value)
	slog.New(slog.NewTextHandler(&out, nil)).Info("", "value", value)
	return strings.ReplaceAll(out.String(), `\\`, `\`)
}

func TestPanicFailsOnlyItsCall(t *testing.T) {
	c := client(t)
	_, err := c.Kits.Run(context.Background(), hello, sdk.WithIdempotencyKey("panic-please"))
	if !errors.Is(err, sdk.ErrInternal) {
		t.Errorf("%v; make go-test builds the library with the feature inject-panic", err)
	}
	run(t, c, hello)
}

func TestPrintedParamsShowNoPrompt(t *testing.T) {
	params := sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "secret", Context: "secret", Extra: map[string]any{"a": "secret"}}}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{params, &params, params.Input, reflect.ValueOf(params)} {
			if text := fmt.Sprintf(form, value) + logged(value); strings.Contains(text, "secret") {
				t.Errorf("%s: %s", form, text)
			}
		}
	}
}
