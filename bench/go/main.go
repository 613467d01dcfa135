// One Go peer doing one thing, in a process of its own: PEER SCENARIO URL.
//
// It prints a line of JSON: calls, wall and CPU seconds of the measured part, and of the process peak memory and threads.
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
	key     = "bak_bench"
	timeout = 120 * time.Second
	most    = 20_000
)

var prompt = "Hello, world!"

// What it does: calls before measuring, calls measured, at once.
var scenarios = map[string][3]int{
	"sequential":      {500, 5_000, 1},
	"concurrent":      {2_000, 40_000, 64},
	"in-flight-10000": {0, 10_000, 10_000},
	"first":           {0, 1, 1},
	"large":           {3, 40, 1},
}

// A peer makes one call and gives the total tokens of its answer.
var peers = map[string]func(url string) func() (int64, error){
	"net-http": netHTTP, "openai-go": openaiGo, "ours": ours,
}

func main() {
	peer, name, url := os.Args[1], os.Args[2], os.Args[3]
	scenario, there := scenarios[name]
	if !there {
		log.Fatal("no such scenario")
	}
	if name == "large" {
		prompt = strings.Repeat("a", 1<<20)
	}
	call := peers[peer](url)
	many(call, scenario[0], scenario[2])
	begun, cpu := time.Now(), cpuSeconds()
	many(call, scenario[1], scenario[2])
	wall, used := time.Since(begun).Seconds(), cpuSeconds()-cpu
	var peak, threads int
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		_, _ = fmt.Sscanf(line, "VmHWM: %d", &peak)
		_, _ = fmt.Sscanf(line, "Threads: %d", &threads)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"calls": scenario[1], "wall_s": wall, "cpu_s": used, "peak_kib": peak, "threads": threads})
}

func many(call func() (int64, error), calls, atOnce int) {
	var all sync.WaitGroup
	for n := range min(calls, atOnce) {
		all.Add(1)
		go func() {
			defer all.Done()
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
	all.Wait()
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

type question struct {
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

func asked() (q question) {
	q.Kit, q.Input.Prompt, q.Config.MaxTokens = "text-gen", prompt, 500
	return q
}

// pool keeps as many connections as there are calls.
func pool() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = most, most
	return &http.Client{Transport: transport, Timeout: timeout}
}

func netHTTP(url string) func() (int64, error) {
	client := pool()
	return func() (int64, error) {
		body, err := json.Marshal(asked())
		if err != nil {
			return 0, err
		}
		request, err := http.NewRequest(http.MethodPost, url+"/kits/run", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "Bearer "+key)
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
		var answer run
		err = json.Unmarshal(text, &answer)
		return answer.Usage.TotalTokens, err
	}
}

func openaiGo(url string) func() (int64, error) {
	client := openai.NewClient(option.WithAPIKey(key), option.WithBaseURL(url), option.WithHTTPClient(pool()))
	return func() (int64, error) {
		var answer run
		err := client.Post(context.Background(), "kits/run", asked(), &answer)
		return answer.Usage.TotalTokens, err
	}
}

func ours(url string) func() (int64, error) {
	client, err := sdk.NewClient(sdk.WithAPIKey(key), sdk.WithBaseURL(url), sdk.WithMaxConcurrency(most))
	if err != nil {
		log.Fatal(err)
	}
	return func() (int64, error) {
		answer, err := client.Kits.Run(context.Background(), sdk.RunParams{
			Kit:    sdk.KitTextGen,
			Input:  sdk.RunInput{Prompt: prompt},
			Config: &sdk.RunConfig{MaxTokens: sdk.Int(500)},
		})
		if err != nil {
			return 0, err
		}
		return answer.Usage.TotalTokens, nil
	}
}
