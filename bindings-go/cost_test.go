//go:build cgo

package builderaikits_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	sdk "builderaikits.com/sdk"
)

func TestCostOfRuns(t *testing.T) {
	prices := sdk.WithPrices(map[sdk.Kit]string{"new-kit": "0.000000001", sdk.KitSummarizer: "1.5"})
	table := []struct {
		kit    sdk.Kit
		tokens string
		cost   string // empty: not known
	}{
		{sdk.KitTextGen, "332", "0.0001328"},
		{sdk.KitTextGen, "0", "0"},
		{sdk.KitTextGen, "null", ""},
		{sdk.KitTextGen, "18446744073709551615", "9223372036.854775807"},
		{sdk.KitSummarizer, "1000", "1.5"},
		{"new-kit", "1", "0.000000001"},
		{"unknown-kit", "332", ""},
	}
	for _, row := range table {
		s := serve(t, respond(200, `{"output":{"text":"a"},"usage":{"total_tokens":`+row.tokens+`}}`))
		r := run(t, client(t, sdk.WithBaseURL(s.URL()), prices), sdk.RunParams{Kit: row.kit, Input: hello.Input})
		if (r.Cost != nil) != (row.cost != "") || (r.Cost != nil && r.Cost.String() != row.cost) {
			t.Errorf("%s, %s tokens: got %v, want %s", row.kit, row.tokens, r.Cost, row.cost)
		}
		if encoded, err := json.Marshal(r); err != nil || strings.Contains(strings.ToLower(string(encoded)), "cost") {
			t.Errorf("%s: %v", encoded, err)
		}
	}
}

func TestEstimate(t *testing.T) {
	s := serve(t, respond(200, runJSON))
	c := client(t, sdk.WithBaseURL(s.URL()), sdk.WithPrices(map[sdk.Kit]string{"priced": "2"}))
	params := func(kit sdk.Kit, config *sdk.RunConfig) sdk.RunParams {
		return sdk.RunParams{Kit: kit, Input: sdk.RunInput{Prompt: "Hello, world", Context: "sch\u00f6n"}, Config: config}
	}
	table := []struct {
		params    sdk.RunParams
		maxOutput int64  // 0: not known
		maxCost   string // empty: not known
	}{
		{params(sdk.KitTextGen, &sdk.RunConfig{MaxTokens: sdk.Int(500)}), 500, "0.000202"},
		{params(sdk.KitTextGen, nil), 4096, "0.0016404"},
		{params("unknown-kit", &sdk.RunConfig{MaxTokens: sdk.Int(500)}), 500, ""},
		{params("unknown-kit", nil), 0, ""},
		{params("priced", nil), 0, ""},
		{params("priced", &sdk.RunConfig{MaxTokens: sdk.Int(995)}), 995, "2"},
	}
	for _, row := range table {
		got, err := c.Kits.Estimate(row.params)
		if err != nil || got.InputTokens != 5 || got.MaxOutputTokens != row.maxOutput {
			t.Errorf("%v: %+v, %v", row.params, got, err)
		}
		if (got.MaxCost != nil) != (row.maxCost != "") || (got.MaxCost != nil && got.MaxCost.String() != row.maxCost) {
			t.Errorf("%v: got %v, want %s", row.params, got.MaxCost, row.maxCost)
		}
	}
	if sent := len(s.received); sent != 0 || c.Usage().Calls != 0 {
		t.Errorf("%d requests were sent", sent)
	}
	for _, row := range []struct {
		params sdk.RunParams
		option string
	}{
		{sdk.RunParams{Kit: "k", Input: sdk.RunInput{Prompt: "secret\xff"}}, "input.prompt"},
		{sdk.RunParams{Kit: "k", Input: hello.Input, Config: &sdk.RunConfig{MaxTokens: sdk.Int(-1)}}, "config.max_tokens"},
	} {
		_, err := c.Kits.Estimate(row.params)
		var e *sdk.Error
		if !errors.Is(err, sdk.ErrInvalidRequest) || !errors.As(err, &e) || e.Option != row.option || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %#v", row.option, err)
		}
	}
	if _, err := new(sdk.Client).Kits.Estimate(hello); !errors.Is(err, sdk.ErrConfig) {
		t.Error(err)
	}
}

func TestKitInfo(t *testing.T) {
	table := []struct {
		kit       sdk.Kit
		maxTokens int
		price     string
	}{
		{sdk.KitTextGen, 4096, "0.0004"},
		{sdk.KitCodeAssist, 8192, "0.0006"},
		{sdk.KitSummarizer, 16_384, "0.0005"},
		{sdk.KitClassifier, 2048, "0.0003"},
	}
	for _, row := range table {
		info, ok := sdk.KitInfoOf(row.kit)
		if !ok || info.ID != row.kit || info.Purpose == "" || info.MaxTokens != row.maxTokens || info.PricePer1KTokens.String() != row.price {
			t.Errorf("%+v, want %+v", info, row)
		}
	}
	if info, ok := sdk.KitInfoOf("unknown-kit"); ok || info != (sdk.KitInfo{}) {
		t.Errorf("%+v", info)
	}
}
