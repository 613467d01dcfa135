// One Go peer in one scenario, in a separate process: PEER SCENARIO URL.
//
// It prints one line of JSON: calls, wall and CPU seconds of the measured part, and the process's peak memory and threads.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	sdk "builderaikits.com/sdk"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

const (
	apiKey         = "bak_bench"
	timeout        = 120 * time.Second
	maxConnections = 20_000
)

var prompt = "Hello, world!"

// Scenario to calls before measuring, calls measured, and calls at once.
var scenarios = map[string][3]int{
	"sequential":      {500, 5_000, 1},
	"concurrent":      {2_000, 40_000, 64},
	"in-flight-10000": {0, 10_000, 10_000},
	"first":           {0, 1, 1},
	"large":           {3, 40, 1},
}

// A peer makes one call and returns the total tokens of its response.
var peers = map[string]func(url string) func() (int64, error){
	"net-http": netHTTP, "openai-go": openaiGo, "builderaikits": builderAIKits,
}

func main() {
	peer, name, url := os.Args[1], os.Args[2], os.Args[3]
	scenario, found := scenarios[name]
	if !found {
		log.Fatal("unknown scenario ", name)
	}
	if name == "large" {
		prompt = strings.Repeat("a", 1<<20)
	}
	call := peers[peer](url)
	makeCalls(call, scenario[0], scenario[2])
	started, cpu := time.Now(), cpuSeconds()
	makeCalls(call, scenario[1], scenario[2])
	wall, used := time.Since(started).Seconds(), cpuSeconds()-cpu
	var peak, threads int
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		_, _ = fmt.Sscanf(line, "VmHWM: %d", &peak)
		_, _ = fmt.Sscanf(line, "Threads: %d", &threads)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"calls": scenario[1], "wall_s": wall, "cpu_s": used, "peak_kib": peak, "threads": threads})
}

func makeCalls(call func() (int64, error), calls, atOnce int) {
	var group sync.WaitGroup
	for n := range min(calls, atOnce) {
		group.Add(1)
		go func() {
			defer group.Done()
			share := calls / atOnce
			if n < calls%atOnce {
				share++
			}
			for range share {
				if tokens, err := call(); err != nil || tokens != 332 {
					log.Fatal(tokens, err)
				}
			}
		}()
	}
	group.Wait()
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

type runRequest struct {
	Kit   string `json:"kit"`
	Input struct {
		Prompt string `json:"prompt"`
	} `json:"input"`
	Config struct {
		MaxTokens int `json:"max_tokens"`
	} `json:"config"`
}

type run struct {
	ID     string `json:"id"`
	Kit    string `json:"kit"`
	Status string `json:"status"`
	Output struct {
		Text string `json:"text"`
	} `json:"output"`
	Usage struct {
		InputTokens  int64 `json:"input_tokens"`
		OutputTokens int64 `json:"output_tokens"`
		TotalTokens  int64 `json:"total_tokens"`
	} `json:"usage"`
	LatencyMS int64 `json:"latency_ms"`
}

func newRequest() (request runRequest) {
	request.Kit, request.Input.Prompt, request.Config.MaxTokens = "text-gen", prompt, 500
	return request
}

// httpClient keeps as makeCalls connections as there are calls.
func httpClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxConnections, maxConnections
	return &http.Client{Transport: transport, Timeout: timeout}
}

func netHTTP(url string) func() (int64, error) {
	client := httpClient()
	return func() (int64, error) {
		body, err := json.Marshal(newRequest())
		if err != nil {
			return 0, err
		}
		request, err := http.NewRequest(http.MethodPost, url+"/kits/run", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "Bearer "+apiKey)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return 0, err
		}
		var result run
		err = json.Unmarshal(text, &result)
		return result.Usage.TotalTokens, err
	}
}

func openaiGo(url string) func() (int64, error) {
	client := openai.NewClient(option.WithAPIKey(apiKey), option.WithBaseURL(url), option.WithHTTPClient(httpClient()))
	return func() (int64, error) {
		var response run
		err := client.Post(context.Background(), "kits/run", newRequest(), &response)
		return response.Usage.TotalTokens, err
	}
}

func builderAIKits(url string) func() (int64, error) {
	client, err := sdk.NewClient(sdk.WithAPIKey(apiKey), sdk.WithBaseURL(url), sdk.WithMaxConcurrency(maxConnections))
	if err != nil {
		log.Fatal(err)
	}
	return func() (int64, error) {
		response, err := client.Kits.Run(context.Background(), sdk.RunParams{
			Kit:    sdk.KitTextGen,
			Input:  sdk.RunInput{Prompt: prompt},
			Config: &sdk.RunConfig{MaxTokens: sdk.Int(500)},
		})
		if err != nil {
			return 0, err
		}
		return response.Usage.TotalTokens, nil
	}
}
