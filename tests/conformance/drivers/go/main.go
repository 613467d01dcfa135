// Conformance driver of the Go SDK: it reads one case per line from standard input and writes one result per line to
// standard output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	sdk "builderaikits.com/sdk"
)

func main() {
	cases, results := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	clients, calls, writing := map[string]*sdk.Client{}, sync.WaitGroup{}, sync.Mutex{}
	for {
		var testCase struct {
			ID           any
			Client, Call object
			ClientID     string `json:"client_id"`
		}
		if err := cases.Decode(&testCase); err == io.EOF {
			calls.Wait()
			return
		} else if err != nil {
			log.Fatal(err)
		}
		client, err := clients[testCase.ClientID], error(nil)
		options, unsupported := parseOptions[sdk.Option](testCase.Client)
		if client == nil && unsupported == "" {
			client, err = sdk.NewClient(options...)
		}
		if testCase.ClientID != "" {
			clients[testCase.ClientID] = client
		}
		calls.Add(1)
		go func() {
			defer calls.Done()
			result := object{"unsupported": unsupported}
			if err != nil {
				result = errorResult(err)
			} else if unsupported == "" {
				result = call(client, testCase.Call)
			}
			result["id"] = testCase.ID
			writing.Lock()
			defer writing.Unlock()
			_ = results.Encode(result)
		}()
	}
}

func call(client *sdk.Client, request object) object {
	fields, _ := take[object](request, "options")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if ms, ok := take[int64](fields, "cancel_after_ms"); ok {
		time.AfterFunc(time.Duration(ms)*time.Millisecond, cancel)
	}
	options, unsupported := parseOptions[sdk.RunOption](fields)
	params, other := parseRequest(request)
	if unsupported += other; unsupported != "" {
		return object{"unsupported": unsupported}
	}
	run, err := client.Kits.Run(ctx, params, options...)
	if err != nil {
		return errorResult(err)
	}
	m := run.ResponseMetadata
	return object{"ok": run, "response_metadata": object{"attempts": m.Attempts, "request_id": orNull(m.RequestID),
		"idempotency_key": m.IdempotencyKey, "elapsed_ms": m.Elapsed.Milliseconds(), "headers": joinHeaders(m.Headers),
		"cost_nano_usd": run.Cost}}
}

func errorResult(err error) object {
	var e *sdk.Error
	if !errors.As(err, &e) {
		log.Fatalf("%T: %v", err, err)
	}
	var body any
	if e.Body != nil {
		body = string(e.Body)
	}
	return object{"error": object{"kind": e.Kind, "class": class(err), "status": orNull(e.StatusCode), "code": orNull(e.Code),
		"message": e.Message, "body": body, "headers": joinHeaders(e.Headers), "request_id": orNull(e.RequestID), "attempts": e.Attempts,
		"retry_after_ms": orNull(e.RetryAfter.Round(time.Millisecond).Milliseconds()), "may_have_run": e.MayHaveRun,
		"is_retryable": e.Retryable, "retry_stopped_by": orNull(e.RetryStoppedBy), "idempotency_key": orNull(e.IdempotencyKey)}}
}

func class(err error) string {
	for name, sentinel := range map[string]error{"ErrConfig": sdk.ErrConfig, "ErrInvalidRequest": sdk.ErrInvalidRequest,
		"ErrBadRequest": sdk.ErrBadRequest, "ErrAuthentication": sdk.ErrAuthentication, "ErrPermissionDenied": sdk.ErrPermissionDenied,
		"ErrNotFound": sdk.ErrNotFound, "ErrConflict": sdk.ErrConflict, "ErrUnprocessable": sdk.ErrUnprocessable, "ErrRateLimit": sdk.ErrRateLimit,
		"ErrServer": sdk.ErrServer, "ErrStatus": sdk.ErrStatus, "ErrConnection": sdk.ErrConnection, "ErrTLS": sdk.ErrTLS, "ErrTimeout": sdk.ErrTimeout,
		"ErrBadResponse": sdk.ErrBadResponse, "ErrClosed": sdk.ErrClosed, "ErrInternal": sdk.ErrInternal, "context.Canceled": context.Canceled} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "?"
}

func joinHeaders(headers http.Header) any {
	if headers == nil {
		return nil
	}
	joined := object{}
	for name, values := range headers {
		joined[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return joined
}

func orNull[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}
