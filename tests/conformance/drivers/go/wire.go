package main

import (
	"encoding/json"
	"math"
	"time"

	sdk "builderaikits.com/sdk"
)

type object = map[string]any

// take removes a field and returns it, if it is a T.
func take[T any](fields object, name string) (value T, ok bool) {
	given, ok := fields[name]
	text, _ := json.Marshal(given)
	if !ok || json.Unmarshal(text, &value) != nil {
		var zero T
		return zero, false
	}
	delete(fields, name)
	return value, true
}

// optionsByName are the options by their names in the vectors.
var optionsByName = map[string]func(object, string) (option any, ok bool){
	"api_key": with(sdk.WithAPIKey), "base_url": with(sdk.WithBaseURL), "proxy": with(sdk.WithProxy), "ca_file": with(sdk.WithCAFile),
	"app_name": with(sdk.WithAppName), "idempotency_key": with(sdk.WithIdempotencyKey), "allow_http": with(sdk.WithAllowHTTP),
	"retry_ambiguous": with(sdk.WithRetryAmbiguous), "max_retries": with(sdk.WithMaxRetries),
	"max_concurrency": with(sdk.WithMaxConcurrency), "max_response_bytes": with(sdk.WithMaxResponseBytes),
	"timeout_ms": with(milliseconds(sdk.WithTimeout)), "attempt_timeout_ms": with(milliseconds(sdk.WithAttemptTimeout)),
	"connect_timeout_ms": with(milliseconds(sdk.WithConnectTimeout)),
}

func with[T, O any](option func(T) O) func(object, string) (any, bool) {
	return func(given object, name string) (any, bool) {
		value, ok := take[T](given, name)
		return option(value), ok
	}
}

func milliseconds[O any](option func(time.Duration) O) func(*int64) O {
	return func(ms *int64) O {
		if ms == nil || *ms > math.MaxInt64/int64(time.Millisecond) {
			return option(sdk.NoTimeout)
		}
		return option(time.Duration(*ms) * time.Millisecond)
	}
}

// parseOptions converts the options of a client or of a call. It returns the name of an option that Go's types cannot express.
func parseOptions[O any](given object) (options []O, unsupported string) {
	headers, _ := take[map[string]string](given, "headers")
	for name, value := range headers {
		options = append(options, any(sdk.WithHeader(name, value)).(O))
	}
	for name := range given {
		parse := optionsByName[name]
		if parse == nil {
			return nil, name
		}
		value, ok := parse(given, name)
		option, applies := value.(O)
		if !ok || !applies {
			return nil, name
		}
		options = append(options, option)
	}
	return options, ""
}

// parseRequest converts a request. It returns the name of a field that Go's types cannot express. A number of an unexpected type
// is sent in Extra.
func parseRequest(given object) (params sdk.RunParams, unsupported string) {
	var isText bool
	if params.Kit, isText = take[sdk.Kit](given, "kit"); !isText {
		return params, "kit"
	}
	if params.Input.Prompt, isText = take[string](given, "input"); !isText {
		input, isObject := take[object](given, "input")
		if !isObject {
			return params, "input"
		}
		if params.Input.Prompt, isText = take[string](input, "prompt"); !isText {
			return params, "prompt"
		}
		params.Input.Context, _ = take[string](input, "context")
		params.Input.Extra = input
	}
	config, _ := take[object](given, "config")
	if config != nil {
		params.Config = &sdk.RunConfig{}
		params.Config.MaxTokens, _ = take[*int](config, "max_tokens")
		params.Config.Temperature, _ = take[*float64](config, "temperature")
		if special, ok := map[any]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[config["temperature"]]; ok {
			params.Config.Temperature = sdk.Float(special)
			delete(config, "temperature")
		}
		params.Config.Extra = config
	}
	params.Extra = given
	return params, ""
}
