package faulty_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/client/faulty"
)

// play sends requests and returns what became of each, and how many reached the server.
func play(t *testing.T, opts faulty.Options) (fates []string, reached int) {
	server := client.InMemory(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		_, _ = io.WriteString(w, strings.Repeat("x", 5000))
	}))
	transport := faulty.New(server, opts)
	for range 200 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://test/", nil)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			require.ErrorIs(t, err, faulty.ErrInjected)
			fates = append(fates, err.Error())
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case resp.StatusCode != http.StatusOK:
			fates = append(fates, resp.Status)
		case err != nil:
			require.ErrorIs(t, err, faulty.ErrInjected)
			fates = append(fates, fmt.Sprint("cut after ", len(body)))
		default:
			require.Len(t, body, 5000)
			fates = append(fates, "whole")
		}
	}
	return fates, reached
}

func count(fates []string) map[string]int {
	counts := map[string]int{}
	for _, fate := range fates {
		if strings.HasPrefix(fate, "cut") {
			fate = "cut"
		}
		counts[fate]++
	}
	return counts
}

func TestNew_ASeedRepeatsItsFaults(t *testing.T) {
	opts := faulty.Options{Seed: 7, Fail: 0.1, Lose: 0.1, Drop: 0.1, TooMany: 0.1, Broken: 0.1}
	one, reached := play(t, opts)
	two, _ := play(t, opts)
	require.Equal(t, one, two)
	counts := count(one)
	for _, fate := range []string{
		"whole", "cut", "429 Too Many Requests", "500 Internal Server Error",
		"injected fault: connection refused", "injected fault: connection reset after the request",
	} {
		require.Positive(t, counts[fate], fate)
	}
	require.Equal(t, counts["whole"]+counts["cut"]+counts["injected fault: connection reset after the request"], reached,
		"a request reaches the server once or not at all")
	opts.Seed = 8
	other, _ := play(t, opts)
	require.NotEqual(t, one, other)
	calm, _ := play(t, faulty.Options{})
	require.Equal(t, map[string]int{"whole": 200}, count(calm))
}

func TestNew_Delays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		fates, _ := play(t, faulty.Options{Delay: time.Minute})
		require.Equal(t, map[string]int{"whole": 200}, count(fates))
		mean := time.Since(start) / 200
		require.Greater(t, mean, 20*time.Second)
		require.Less(t, mean, 40*time.Second)
	})
}

func ExampleFunc() {
	down := true
	server := client.InMemory(http.NotFoundHandler())
	transport := faulty.Func(func() error {
		if down {
			return errors.New("the cable is out")
		}
		return nil
	}, server)
	c, err := client.New(client.Config{BaseURL: "http://coracle", Transport: transport})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = c.Do(context.Background(), http.MethodGet, "/version", nil, nil, nil)
	fmt.Println(errors.Is(err, client.ErrNoServer), err)
	// Output: true get /version: no answer from the API server: Get "http://coracle/version": the cable is out
}
