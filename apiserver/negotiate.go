package apiserver

import (
	"cmp"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
)

// A shape is what a client wants an object turned into: kubectl asks for the
// rows of a table, the garbage collector for metadata alone.
type shape string

const (
	asIs          shape = ""
	asTable       shape = "Table"
	asPartial     shape = "PartialObjectMetadata"
	asPartialList shape = "PartialObjectMetadataList"
)

// A format is how a client wants its answer.
type format struct {
	mediaType string
	shape     shape
	pretty    bool
	// beta says that the shape is of the group's first version, which looks the same.
	beta bool
}

// form names the format as a key for shared encodings.
func (f format) form() string {
	if f.beta {
		return f.mediaType + ";beta;" + string(f.shape)
	}
	return f.mediaType + ";" + string(f.shape)
}

// streamType is the content type of a watch.
func (f format) streamType() string {
	if f.mediaType == api.Protobuf {
		return api.Protobuf + ";stream=watch"
	}
	return f.mediaType
}

// negotiate chooses the first format of the Accept header that we have, by the
// client's preference (RFC 9110, section 12.5.1). No header means JSON.
func negotiate(r *http.Request, verb string, has func(format) bool) (format, error) {
	clauses := acceptClauses(r.Header.Values("Accept"))
	if len(clauses) == 0 {
		clauses = []acceptClause{{mediaType: "*/*", quality: 1}}
	}
	streaming, refused := verb == "watch", format{mediaType: api.JSON}
	for _, c := range clauses {
		f, ok := c.format(streaming)
		if ok && has(f) {
			f.pretty = f.mediaType == api.JSON && !streaming && wantsPretty(r)
			return f, nil
		}
		if ok {
			refused.mediaType = f.mediaType // in which the client is told so
		}
	}
	return refused, notAcceptable(clauses, verb)
}

// hasFormat says whether the resource's objects come in a format. Custom ones have
// no protobuf, but their metadata does.
func (q *request) hasFormat(f format) bool {
	return !isCustom(q.resource) || f.mediaType != api.Protobuf || f.shape != asIs
}

// notAcceptable says what there is to choose from: of all, to a client that
// names nothing we have, else of those that suit the request.
func notAcceptable(clauses []acceptClause, verb string) error {
	plain := []string{api.JSON, api.YAML, api.Protobuf}
	streams := []string{api.JSON + ";stream=watch", api.Protobuf + ";stream=watch"}
	if !slices.ContainsFunc(clauses, func(c acceptClause) bool { return slices.Contains(plain, c.mediaType) }) {
		if verb == "list" || verb == "watch" {
			plain = append(plain, streams...)
		}
		return plainError(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable,
			"406: Not Acceptable\n\nAvailable representations: "+strings.Join(plain, ", "))
	}
	if verb == "watch" {
		plain = streams
	}
	return statusError(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable,
		"only the following media types are accepted: %s", strings.Join(plain, ", "))
}

// wantsPretty says whether a person reads the answer: as the query says, or by
// the program that asks.
func wantsPretty(r *http.Request) bool {
	if query := r.URL.Query(); query.Has("pretty") {
		return isTrue(query.Get("pretty"))
	}
	agent := r.UserAgent()
	for _, program := range []string{"curl", "Wget", "Mozilla/5.0"} {
		if strings.HasPrefix(agent, program) {
			return true
		}
	}
	return false
}

// An acceptClause is one alternative of an Accept header.
type acceptClause struct {
	mediaType string
	params    map[string]string
	quality   float64
}

func acceptClauses(headers []string) []acceptClause {
	var clauses []acceptClause
	for _, header := range headers {
		for _, part := range strings.Split(header, ",") {
			if isPlain(part) {
				clauses = append(clauses, acceptClause{mediaType: part, quality: 1})
				continue
			}
			mediaType, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			clause := acceptClause{mediaType: mediaType, params: params, quality: 1}
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
				clause.quality = q
			}
			clauses = append(clauses, clause)
		}
	}
	slices.SortStableFunc(clauses, func(a, b acceptClause) int { return cmp.Compare(b.quality, a.quality) })
	return clauses
}

// isPlain says whether a clause is one of the media types that nearly all ask for, so
// that it need not be taken apart.
func isPlain(clause string) bool {
	return clause == api.Protobuf || clause == api.JSON || clause == "*/*"
}

// format returns what the clause asks for, if we have it.
func (c acceptClause) format(streaming bool) (format, bool) {
	f := format{mediaType: c.mediaType}
	switch c.mediaType {
	case "*/*", "application/*":
		f.mediaType = api.JSON
	case api.JSON, api.Protobuf:
	case api.YAML:
		if streaming {
			return f, false
		}
	default:
		return f, false
	}
	as := shape(c.params["as"])
	if as == asIs {
		return f, c.params["g"] == "" && c.quality > 0
	}
	known := as == asPartial || as == asPartialList || as == asTable && f.mediaType != api.Protobuf
	f.shape, f.beta = as, c.params["v"] == "v1beta1"
	return f, known && c.params["g"] == metav1.GroupName && (c.params["v"] == "v1" || f.beta) && c.quality > 0
}

// bodyType returns the media type of a request's body.
func bodyType(r *http.Request) (string, error) {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return api.JSON, nil
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil {
		return "", unsupportedBody(fmt.Sprintf("%s, %s, %s", api.JSON, api.YAML, api.Protobuf))
	}
	return mediaType, nil
}

// unsupportedPatch answers a patch of a type that there is not.
func unsupportedPatch() error {
	return plainError(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType, "415: Unsupported Media Type")
}

func unsupportedBody(accepted string) error {
	return statusError(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType,
		"the body of the request was in an unknown format - accepted media types include: %s", accepted)
}
