package body_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
)

func post(mediaType, text string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/?fieldValidation=Strict", strings.NewReader(text))
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return r
}

func TestRead(t *testing.T) {
	binary, err := api.Codecs().EncodeBytes(&corev1.Binding{Target: corev1.ObjectReference{Name: "n"}}, api.Protobuf)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		request *http.Request
		code    int32
	}{
		"JSON":                 {post("application/json; charset=utf-8", `{"apiVersion":"v1","kind":"Binding","target":{"name":"n"}}`), 0},
		"JSON without a kind":  {post("", `{"target":{"name":"n"}}`), 0},
		"YAML":                 {post(api.YAML, "target: {name: \"n\"}"), 0},
		"protobuf":             {post(api.Protobuf, string(binary)), 0},
		"broken JSON":          {post("", `{"target":`), 400},
		"broken protobuf":      {post(api.Protobuf, "k8s\x00rubbish"), 400},
		"another kind":         {post("", `{"apiVersion":"v1","kind":"Pod"}`), 400},
		"a kind nobody knows":  {post("", `{"apiVersion":"v9","kind":"Yacht"}`), 400},
		"an unknown field":     {post("", `{"target":{"name":"n"},"oops":1}`), 400},
		"a format of its own":  {post("text/csv", "a,b"), 415},
		"no media type at all": {post("a/b/c", "{}"), 400},
		"too much":             {post("", `{"a":"`+strings.Repeat("x", body.Limit)+`"}`), 413},
	} {
		got := &corev1.Binding{}
		err := body.Read(test.request, got)
		if test.code == 0 {
			require.NoError(t, err, name)
			require.Equal(t, "n", got.Target.Name, name)
			continue
		}
		require.Error(t, err, name)
		require.Equal(t, test.code, body.Status(err).Code, name)
	}
	empty := &corev1.Binding{}
	require.NoError(t, body.Read(post("", ""), empty))
}

func FuzzRead(f *testing.F) {
	f.Add(api.JSON, `{"target":{"name":"n"}}`)
	f.Add(api.YAML, "target: {name: \"n\"}")
	f.Add(api.Protobuf, "k8s\x00")
	f.Fuzz(func(t *testing.T, mediaType, text string) {
		err := body.Read(post(mediaType, text), &corev1.Binding{})
		if err != nil && body.Status(err).Code >= 500 {
			t.Fatalf("bad input is the client's fault, not ours: %v", err)
		}
	})
}

func TestWrite(t *testing.T) {
	for accept, want := range map[string]string{
		"":                 api.JSON,
		"*/*":              api.JSON,
		"text/html, */*":   api.JSON,
		api.Protobuf:       api.Protobuf,
		"application/yaml": api.YAML,
		"application/json;as=Table;v=v1;g=meta.k8s.io,application/vnd.kubernetes.protobuf": api.Protobuf,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		require.NoError(t, body.Write(w, r, api.Codecs(), 201, &corev1.Pod{}))
		require.Equal(t, 201, w.Code)
		require.Equal(t, want, w.Header().Get("Content-Type"), accept)
	}
}

func Example() {
	w := httptest.NewRecorder()
	body.WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), apierrors.NewBadRequest("no"))
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	// Output: 400 {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":"BadRequest","code":400}
}
