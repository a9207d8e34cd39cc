package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// A table gathers the figures, one column or two for each server.
type table struct{ rows [][]string }

// line adds a line of requests in a second.
func (t *table) line(l line, results []result) {
	var rates, p99, cpu []string
	for i := range results {
		rates = append(rates, number(results[i].rate()))
		p99 = append(p99, fmt.Sprintf("%.1f ms", results[i].percentile(99).Seconds()*1000))
		cpu = append(cpu, number(results[i].micros()))
	}
	times := ""
	if len(results) == 2 {
		times = fmt.Sprintf("%.1f", results[1].rate()/results[0].rate())
	}
	t.add(l.name+" a second", rates, times, p99, cpu)
}

// started adds how long the servers took to be ready.
func (t *table) started(sides []*side) {
	var took []float64
	var texts []string
	for _, s := range sides {
		took = append(took, s.ready.Seconds())
		texts = append(texts, s.ready.Round(time.Millisecond).String())
	}
	t.add("start until ready", texts, ratio(took), blank(sides), blank(sides))
	fmt.Fprintf(os.Stderr, "ready after %s\n", strings.Join(texts, " and "))
}

// memory adds the most memory that each side has had.
func (t *table) memory(sides []*side) error {
	var peaks []float64
	var texts []string
	for _, s := range sides {
		var sum float64
		var parts []string
		for _, p := range s.programs {
			peak, err := p.PeakMemory()
			if err != nil {
				return err
			}
			sum += float64(peak)
			parts = append(parts, fmt.Sprintf("%.0f", float64(peak)/1e6))
		}
		peaks = append(peaks, sum)
		texts = append(texts, strings.Join(parts, " + ")+" MB")
	}
	t.add("peak memory", texts, ratio(peaks), blank(sides), blank(sides))
	return nil
}

// ratio says how much less the second is than the first.
func ratio(values []float64) string {
	if len(values) != 2 {
		return ""
	}
	return fmt.Sprintf("%.1f", values[0]/values[1])
}

func blank(sides []*side) []string { return make([]string, len(sides)) }

func (t *table) add(name string, figures []string, times string, p99, cpu []string) {
	row := append([]string{name}, figures...)
	row = append(row, times)
	t.rows = append(t.rows, append(append(row, p99...), cpu...))
}

// print writes the table in Markdown, and says where it was made and how.
func (t *table) print(w io.Writer, o options, sides []*side) {
	fmt.Fprintf(w, "%s, %d processors, %s/%s, %s. %d clients, %d pods, %d watchers; ", processor(), runtime.NumCPU(),
		runtime.GOOS, runtime.GOARCH, runtime.Version(), o.clients, o.pods, o.watchers)
	fmt.Fprintf(w, "%d rounds of %v.\n\n", o.rounds, o.round)
	head := []string{""}
	for _, s := range sides {
		head = append(head, s.name)
	}
	head = append(head, "times")
	for _, what := range []string{"p99", "server's µs of CPU for each"} {
		for _, s := range sides {
			name, _, _ := strings.Cut(s.name, " ")
			head = append(head, what+", "+name)
		}
	}
	write(w, head)
	fmt.Fprintln(w, "|---|"+strings.Repeat("---:|", len(head)-1))
	for _, row := range t.rows {
		write(w, row)
	}
}

func write(w io.Writer, columns []string) {
	fmt.Fprintln(w, "| "+strings.Join(columns, " | ")+" |")
}

// number returns a number without decimals, in groups of three digits.
func number(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// processor returns the name of the processor, where the system tells it.
func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a processor without a name"
}
