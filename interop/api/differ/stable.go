package differ

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// changing is what two servers never have in common, with what is put in its
// place. The order matters.
var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "TIME"},
	{regexp.MustCompile(`kube-api-access-\w{5}`), "kube-api-access-NAME"},
	{regexp.MustCompile(`(\\?"?)resourceVersion(\\?"?): ?\\?"\d+\\?"`), "${1}resourceVersion${2}:SOME"},
	// In a message, where its entries, which are sorted by time, cannot be told apart.
	{regexp.MustCompile(`\\?"managedFields\\?":\[\{[^\]]*\]`), "managedFields:SOME"},
	{regexp.MustCompile(`X509SHA256=[0-9a-f]{64}`), "X509SHA256=HASH"},
	{regexp.MustCompile(`current: \d+`), "current: SOME"},
	{regexp.MustCompile(`(generated|many)-[bcdfghjklmnpqrstvwxz2456789]{5}\b`), "$1-NAME"},
	{regexp.MustCompile(`\b10\.96\.\d+\.\d+`), "CLUSTER-IP"},
	{regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`), "TOKEN"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|s)\b`), "DURATION"},
}

// counters are fields whose numbers are each server's own.
var counters = map[string]bool{"resourceVersion": true, "continue": true}

// ports of nodes are drawn at random from this range.
const firstNodePort, lastNodePort = 30000, 32767

// stableText replaces what differs in any text.
func stableText(text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.with)
	}
	return text
}

// StableBody reads an answer's body: a JSON value with what differs replaced, or
// text.
func StableBody(contentType string, body []byte) any {
	var value any
	if !strings.HasPrefix(contentType, "application/json") || json.Unmarshal(body, &value) != nil {
		return stableText(string(body))
	}
	value = stable("", value)
	if status, ok := value.(map[string]any); ok && status["kind"] == "Status" {
		sortCauses(status)
	}
	return value
}

// sortCauses makes a list of mistakes the same in whatever order they were found:
// kube-apiserver walks through maps at random.
func sortCauses(status map[string]any) {
	details, _ := status["details"].(map[string]any)
	causes, _ := details["causes"].([]any)
	message, _ := status["message"].(string)
	found := told(causes)
	sortByText(causes)
	if before, listed := strings.CutSuffix(message, "["+strings.Join(found, ", ")+"]"); listed {
		status["message"] = before + "[" + strings.Join(told(causes), ", ") + "]"
	}
}

// told is how a message tells causes, each once.
func told(causes []any) (texts []string) {
	for _, cause := range causes {
		c, _ := cause.(map[string]any)
		if text := fmt.Sprint(c["field"], ": ", c["message"]); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

// unordered are lists that kube-apiserver gives in any order.
var unordered = map[string]bool{"nonResourceRules": true, "resourceRules": true}

func sortByText(list []any) {
	slices.SortStableFunc(list, func(a, b any) int {
		one, _ := json.Marshal(a)
		other, _ := json.Marshal(b)
		return bytes.Compare(one, other)
	})
}

func stable(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = stable(key, item)
		}
		return v
	case []any:
		for i, item := range v {
			v[i] = stable(name, item)
		}
		if unordered[name] {
			sortByText(v)
		}
		if name == "managedFields" { // sorted by their times, in which nothing is certain
			slices.SortStableFunc(v, func(a, b any) int { return strings.Compare(manager(a), manager(b)) })
		}
		return v
	case string:
		if counters[name] && v != "" {
			return "SOME"
		}
		return stableText(v)
	case float64:
		if name == "nodePort" && v >= firstNodePort && v <= lastNodePort {
			return "PORT"
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return v
	}
}

// manager tells whose an entry of managedFields is.
func manager(entry any) string {
	e, _ := entry.(map[string]any)
	return fmt.Sprint(e["manager"], e["operation"], e["subresource"], e["apiVersion"])
}
