// Conformance driver of the Go SDK: a case a line on standard input, what came of it a line on standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"sync"
	"time"

	sdk "builderaikits.com/sdk"
)

type object = map[string]any

func main() {
	lines, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	clients, calls, printing := map[string]*sdk.Client{}, sync.WaitGroup{}, sync.Mutex{}
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var given struct {
				ID           any
				Client, Call object
				ClientID     string `json:"client_id"`
			}
			if err := json.Unmarshal(line, &given); err != nil {
				log.Fatal(err)
			}
			client, made := clients[given.ClientID], error(nil)
			options, unsupported := settings(given.Client)
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
		if err == io.EOF {
			calls.Wait()
			return
		}
	}
}

func call(client *sdk.Client, given object) object {
	params, unsupported := request(given)
	options, more := runSettings(given["options"])
	if unsupported += more; unsupported != "" {
		return object{"unsupported": unsupported}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if ms, ok := dig(given, "options")["cancel_after_ms"].(float64); ok {
		time.AfterFunc(time.Duration(ms*float64(time.Millisecond)), cancel)
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
	var wait any
	if e.RetryAfter != 0 {
		wait = e.RetryAfter.Round(time.Millisecond).Milliseconds()
	}
	return object{"error": object{"kind": string(e.Kind), "class": class(err), "status": orNull(e.Status), "code": orNull(e.Code),
		"message": e.Message, "body": body, "headers": flat(e.Headers), "request_id": orNull(e.RequestID), "attempts": e.Attempts,
		"retry_after_ms": wait, "may_have_run": e.MayHaveRun, "is_retryable": e.IsRetryable, "idempotency_key": orNull(e.IdempotencyKey)}}
}
