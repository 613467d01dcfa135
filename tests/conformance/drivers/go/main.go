// Conformance driver of the Go SDK: a case a line on standard input, what came of it a line on standard output.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	sdk "builderaikits.com/sdk"
)

func main() {
	lines, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	clients, calls, printing := map[string]*sdk.Client{}, sync.WaitGroup{}, sync.Mutex{}
	for {
		var given struct {
			ID           any
			Client, Call object
			ClientID     string `json:"client_id"`
		}
		if err := lines.Decode(&given); err == io.EOF {
			calls.Wait()
			return
		} else if err != nil {
			log.Fatal(err)
		}
		client, made := clients[given.ClientID], error(nil)
		options, unsupported := settings[sdk.Option](given.Client)
		if client == nil && unsupported == "" {
			client, made = sdk.NewClient(options...)
		}
		if given.ClientID != "" {
			clients[given.ClientID] = client
		}
		calls.Add(1)
		go func() {
			defer calls.Done()
			reply := object{"unsupported": unsupported}
			if made != nil {
				reply = failed(made)
			} else if unsupported == "" {
				reply = call(client, given.Call)
			}
			reply["id"] = given.ID
			printing.Lock()
			defer printing.Unlock()
			_ = out.Encode(reply)
		}()
	}
}

func call(client *sdk.Client, given object) object {
	fields, _ := take[object](given, "options")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if ms, ok := take[int64](fields, "cancel_after_ms"); ok {
		time.AfterFunc(time.Duration(ms)*time.Millisecond, cancel)
	}
	options, unsupported := settings[sdk.RunOption](fields)
	params, more := request(given)
	if unsupported += more; unsupported != "" {
		return object{"unsupported": unsupported}
	}
	run, err := client.Kits.Run(ctx, params, options...)
	if err != nil {
		return failed(err)
	}
	m := run.ResponseMetadata
	return object{"ok": run, "response_metadata": object{"attempts": m.Attempts, "request_id": orNull(m.RequestID),
		"idempotency_key": m.IdempotencyKey, "elapsed_ms": m.Elapsed.Milliseconds(), "headers": flat(m.Headers)}}
}

func failed(err error) object {
	var e *sdk.Error
	if !errors.As(err, &e) {
		log.Fatalf("%T: %v", err, err)
	}
	var body any
	if e.Body != nil {
		body = string(e.Body)
	}
	return object{"error": object{"kind": e.Kind, "class": class(err), "status": orNull(e.Status), "code": orNull(e.Code),
		"message": e.Message, "body": body, "headers": flat(e.Headers), "request_id": orNull(e.RequestID), "attempts": e.Attempts,
		"retry_after_ms": orNull(e.RetryAfter.Round(time.Millisecond).Milliseconds()), "may_have_run": e.MayHaveRun,
		"is_retryable": e.IsRetryable, "idempotency_key": orNull(e.IdempotencyKey)}}
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

func flat(headers sdk.Headers) any {
	if headers == nil {
		return nil
	}
	made := object{}
	for name, values := range headers {
		made[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return made
}

func orNull[T comparable](value T) any {
	var none T
	if value == none {
		return nil
	}
	return value
}
