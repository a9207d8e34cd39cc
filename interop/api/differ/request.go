package differ

import (
	"fmt"
	"net/http"
	"strings"

	"sigs.k8s.io/yaml"
)

// A Request is one request with the title under which differences are told.
type Request struct {
	Title  string
	Method string
	// Path has a query, if any. In it and in the body, $NS stands for a
	// namespace made for the file.
	Path   string
	Header http.Header
	Body   string
}

// Parse reads a file of requests:
//
//	=== a pod that has no containers
//	POST /api/v1/namespaces/$NS/pods
//	> Accept: application/json
//	apiVersion: v1
//	kind: Pod
//	metadata: {name: empty}
//
// Lines that begin with # between a title and the request are comments. A body is
// YAML and sent as JSON, unless a Content-Type is given: then it is sent as it is.
func Parse(text string) ([]Request, error) {
	var requests []Request
	for _, part := range strings.Split("\n"+text, "\n=== ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		r := Request{Title: strings.TrimSpace(title), Header: http.Header{}}
		var body []string
		for line := range strings.SplitSeq(rest, "\n") {
			switch name, isHeader := strings.CutPrefix(line, "> "); {
			case r.Method == "" && (line == "" || strings.HasPrefix(line, "#")):
			case r.Method == "":
				r.Method, r.Path, _ = strings.Cut(line, " ")
			case isHeader && body == nil:
				key, value, _ := strings.Cut(name, ": ")
				r.Header.Add(key, value)
			default:
				body = append(body, line)
			}
		}
		r.Body = strings.TrimSpace(strings.Join(body, "\n"))
		if r.Method == "" || !strings.HasPrefix(r.Path, "/") {
			return nil, fmt.Errorf("parse request %q: no line such as GET /api", r.Title)
		}
		requests = append(requests, r)
	}
	return requests, nil
}

// with returns the request as it is sent in a namespace.
func (r Request) with(namespace string) (Request, error) {
	place := strings.NewReplacer("$NS", namespace)
	r.Path, r.Body, r.Header = place.Replace(r.Path), place.Replace(r.Body), r.Header.Clone()
	if r.Body == "" || r.Header.Get("Content-Type") != "" {
		return r, nil
	}
	data, err := yaml.YAMLToJSON([]byte(r.Body))
	if err != nil {
		return r, fmt.Errorf("body of %q: %w", r.Title, err)
	}
	r.Body = string(data)
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}
