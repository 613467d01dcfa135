package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	sdk "builderaikits.com/sdk"
)

// What Go's types hold; the name of what they do not comes back.
var settable = map[string]func(any) (any, bool){
	"api_key": with(sdk.WithAPIKey), "base_url": with(sdk.WithBaseURL), "proxy": with(sdk.WithProxy), "ca_file": with(sdk.WithCAFile),
	"app_name": with(sdk.WithAppName), "idempotency_key": with(sdk.WithIdempotencyKey), "allow_http": with(sdk.WithAllowHTTP),
	"retry_ambiguous": with(sdk.WithRetryAmbiguous), "max_retries": number(sdk.WithMaxRetries),
	"max_concurrency": number(sdk.WithMaxConcurrency), "max_response_bytes": number(sdk.WithMaxResponseBytes),
	"timeout_ms": limit(sdk.WithTimeout), "attempt_timeout_ms": limit(sdk.WithAttemptTimeout), "connect_timeout_ms": limit(sdk.WithConnectTimeout),
}

func settings(given object) (options []sdk.Option, unsupported string) {
	unsupported = each(given, func(made any) { options = append(options, made.(sdk.Option)) })
	return options, unsupported
}

func runSettings(given any) (options []sdk.RunOption, unsupported string) {
	fields, _ := given.(object)
	unsupported = each(fields, func(made any) { options = append(options, made.(sdk.RunOption)) })
	return options, unsupported
}

func each(given object, add func(any)) string {
	for name, value := range given {
		if headers, ok := value.(object); ok && name == "headers" {
			for name, value := range headers {
				add(sdk.WithHeader(name, value.(string)))
			}
		} else if make := settable[name]; make != nil {
			made, ok := make(value)
			if !ok {
				return name
			}
			add(made)
		} else if name != "cancel_after_ms" {
			return name
		}
	}
	return ""
}

func with[T, O any](option func(T) O) func(any) (any, bool) {
	return func(value any) (any, bool) {
		held, ok := value.(T)
		return option(held), ok
	}
}

func number[N int | int64, O any](option func(N) O) func(any) (any, bool) {
	return func(value any) (any, bool) {
		held, ok := value.(float64)
		return option(N(held)), ok && held == math.Trunc(held) && math.Abs(held) < 1<<53
	}
}

func limit[O any](option func(time.Duration) O) func(any) (any, bool) {
	return func(value any) (any, bool) {
		held, ok := value.(float64)
		if value == nil || held >= float64(math.MaxInt64/time.Millisecond) {
			return option(sdk.NoTimeout), true
		}
		return option(time.Duration(held * float64(time.Millisecond))), ok
	}
}

func request(given object) (params sdk.RunParams, unsupported string) {
	given = rest(given, "options")
	kit, isText := given["kit"].(string)
	input, isObject := given["input"].(object)
	prompt, isPrompt := given["input"].(string)
	if isObject {
		prompt, isPrompt = input["prompt"].(string)
	}
	switch {
	case !isText:
		return params, "kit"
	case !isPrompt && isObject:
		return params, "prompt"
	case !isPrompt:
		return params, "input"
	}
	params = sdk.RunParams{Kit: sdk.Kit(kit), Input: sdk.Input{Prompt: prompt, Extra: rest(input, "prompt")}, Extra: rest(given, "kit", "input", "config")}
	// A key that Go has a field for may stand in Extra while the field is empty: so odd values can be sent, too.
	if context, ok := input["context"].(string); ok && context != "" {
		params.Input.Context, params.Input.Extra = context, rest(params.Input.Extra, "context")
	}
	config, isConfig := given["config"].(object)
	if !isConfig {
		if given["config"] != nil {
			return params, "config"
		}
		return params, ""
	}
	params.Config = &sdk.Config{}
	if n, ok := config["max_tokens"].(float64); ok && n == math.Trunc(n) && math.Abs(n) < 1<<53 {
		params.Config.MaxTokens, config = sdk.Int(int(n)), rest(config, "max_tokens")
	}
	if f, ok := config["temperature"].(float64); ok {
		params.Config.Temperature, config = sdk.Float(f), rest(config, "temperature")
	} else if odd, ok := map[any]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[config["temperature"]]; ok {
		params.Config.Temperature, config = sdk.Float(odd), rest(config, "temperature")
	}
	params.Config.Extra = config
	return params, ""
}

func rest(fields object, but ...string) object {
	left := object{}
	for name, value := range fields {
		if !strings.Contains(" "+strings.Join(but, " ")+" ", " "+name+" ") {
			left[name] = value
		}
	}
	return left
}

func dig(fields object, name string) object {
	inner, _ := fields[name].(object)
	return inner
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
