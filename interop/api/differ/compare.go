package differ

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// An Answer is what a client could notice of a response, with what is each
// server's own replaced.
type Answer struct {
	Code        int
	ContentType string
	Warnings    []string
	Body        any // as encoding/json reads it, or a string
}

// A Server is one of the two.
type Server struct {
	Name string
	URL  string
	HTTP *http.Client
}

// Ask sends a request, with $NS replaced, and reads the answer.
func (s *Server) Ask(ctx context.Context, r Request, namespace string) (Answer, error) {
	r, err := r.with(namespace)
	if err != nil {
		return Answer{}, err
	}
	sent, err := http.NewRequestWithContext(ctx, r.Method, s.URL+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	sent.Header = r.Header
	if r.Header.Get("Accept") == "" {
		sent.Header.Set("Accept", "application/json")
	}
	sent.Header.Set("User-Agent", "differ/1.0")
	response, err := s.HTTP.Do(sent)
	if err != nil {
		return Answer{}, fmt.Errorf("ask %s: %w", s.Name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("read what %s answers: %w", s.Name, err)
	}
	a := Answer{
		Code: response.StatusCode, ContentType: response.Header.Get("Content-Type"),
		Body: StableBody(response.Header.Get("Content-Type"), body),
	}
	for _, w := range response.Header.Values("Warning") {
		a.Warnings = append(a.Warnings, stableText(w))
	}
	return a, nil
}

// A Difference is one place where two answers are not the same.
type Difference struct {
	Path       string // such as .spec.replicas; "code" and the like outside the body
	Want, Have string
}

// Compare returns where have is not as want.
func Compare(want, have Answer) []Difference {
	var c comparison
	if want.Code != have.Code {
		c.add("code", want.Code, have.Code)
	}
	if want.ContentType != have.ContentType {
		c.add("content type", want.ContentType, have.ContentType)
	}
	if !slices.Equal(want.Warnings, have.Warnings) {
		c.add("warnings", want.Warnings, have.Warnings)
	}
	c.compare("", want.Body, have.Body)
	return c.found
}

type comparison struct{ found []Difference }

func (c *comparison) add(path string, want, have any) {
	c.found = append(c.found, Difference{cmp.Or(path, "body"), show(want), show(have)})
}

func (c *comparison) compare(path string, want, have any) {
	switch w := want.(type) {
	case map[string]any:
		if h, ok := have.(map[string]any); ok {
			c.compareMaps(path, w, h)
			return
		}
	case []any:
		if h, ok := have.([]any); ok && len(h) == len(w) {
			for i := range w {
				c.compare(fmt.Sprintf("%s[%d]", path, i), w[i], h[i])
			}
			return
		}
	}
	if show(want) != show(have) {
		c.add(path, want, have)
	}
}

func (c *comparison) compareMaps(path string, want, have map[string]any) {
	names := map[string]bool{}
	for name := range want {
		names[name] = true
	}
	for name := range have {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, inWant := want[name]
		h, inHave := have[name]
		switch {
		case !inWant:
			c.found = append(c.found, Difference{path + "." + name, "(nothing)", show(h)})
		case !inHave:
			c.found = append(c.found, Difference{path + "." + name, show(w), "(nothing)"})
		default:
			c.compare(path+"."+name, w, h)
		}
	}
}

// show writes a value on one line.
func show(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(line.String())
}
