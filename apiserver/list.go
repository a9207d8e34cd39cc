package apiserver

import (
	"math"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// A listQuery is what a list asks for.
type listQuery struct {
	match    revisionMatch
	revision int64
	limit    int
	token    *continueToken // nil for the first page
}

// parseListQuery reads the parameters of a list. Their meaning is in
// https://kubernetes.io/docs/reference/using-api/api-concepts/#the-resourceversion-parameter
func parseListQuery(query url.Values) (listQuery, error) {
	var l listQuery
	limit, err := parseNumber(query, "limit")
	if err != nil {
		return l, err
	}
	l.limit = int(min(max(limit, 0), math.MaxInt32))
	if _, err := parseNumber(query, "timeoutSeconds"); err != nil {
		return l, err
	}
	if err := validateListQuery(query); err != nil {
		return l, err
	}
	text := query.Get("resourceVersion")
	if token := query.Get("continue"); token != "" {
		l.token, err = decodeToken(token)
		if err == nil && text != "" && text != "0" {
			err = apierrors.NewBadRequest("specifying resource version is not allowed when using continue")
		}
		return l, err
	}
	if l.revision, err = parseRevision("resourceVersion", text); err != nil {
		return l, apierrors.NewBadRequest("invalid resource version: " + err.Error())
	}
	switch match := query.Get("resourceVersionMatch"); {
	case text == "":
		l.match = latest
	case match == string(metav1.ResourceVersionMatchExact):
		l.match = exactly
	case text == "0":
		// Without a revision to be exact about there is nothing to page over.
		l.match, l.limit = anyRevision, 0
	case match == "" && l.limit > 0:
		l.match = exactly // as before resourceVersionMatch was invented
	default:
		l.match = notOlderThan
	}
	return l, err
}

func validateListQuery(query url.Values) error {
	var errs field.ErrorList
	revision, match := query.Get("resourceVersion"), query.Get("resourceVersionMatch")
	exact := match == string(metav1.ResourceVersionMatchExact)
	path := field.NewPath("resourceVersionMatch")
	if match != "" {
		if revision == "" {
			errs = append(errs, field.Forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"))
		}
		if query.Get("continue") != "" {
			errs = append(errs, field.Forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
		}
		if !exact && match != string(metav1.ResourceVersionMatchNotOlderThan) {
			errs = append(errs, field.NotSupported(path, match, []string{"Exact", "NotOlderThan", ""}))
		}
		if exact && revision == "0" {
			errs = append(errs, field.Forbidden(path, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
		}
	}
	if query.Has("sendInitialEvents") {
		errs = append(errs, field.Forbidden(field.NewPath("sendInitialEvents"), "sendInitialEvents is forbidden for list"))
	}
	return invalidOptions("ListOptions", errs)
}

// A page is a part of a list, and how to get the next.
type page struct {
	entries []*entry // none that cannot be read
	// whole says that the list is not cut off, and comes from the cache. Then the
	// same list is of the same selectors.
	whole     bool
	selectors string
	revision  int64
	next      string
	remaining *int64
}

// list answers with a list of objects.
func (q *request) list() error {
	found, err := q.readPage()
	if err != nil {
		return err
	}
	listed := listMeta{revision: found.revision, next: found.next, remaining: found.remaining}
	if q.takesMessages() {
		if sent, err := q.sendMessages(found, listed); sent || err != nil {
			return err
		}
	}
	shaped, err := q.shapeList(found.objects(), listed)
	if err != nil {
		return err
	}
	return q.write(http.StatusOK, shaped)
}

// isLarge says whether a page is worth being compressed, by what is stored of it.
func (p *page) isLarge() bool {
	size := 0
	for _, e := range p.entries {
		if size += len(e.encoding.stored); size >= gzipFrom {
			return true
		}
	}
	return false
}

// objects are those of the page.
func (p *page) objects() []api.Object {
	objects := make([]api.Object, len(p.entries))
	for i, e := range p.entries {
		objects[i] = e.object()
	}
	return objects
}

// readPage reads what the query asks for: from the cache if it is about the
// present, from the store's history if it is about a revision gone by.
func (q *request) readPage() (*page, error) {
	query := q.URL.Query()
	sel, err := parseSelection(q.resource, q.info.Namespace, q.info.Name, query)
	if err != nil {
		return nil, err
	}
	want, err := parseListQuery(query)
	if err != nil {
		return nil, err
	}
	if want.token != nil {
		return q.storedPage(sel, want.limit, want.token.Revision, want.token.Start)
	}
	if err := q.await(want.match, want.revision); err != nil {
		return nil, err
	}
	if want.match == exactly {
		return q.storedPage(sel, want.limit, want.revision, "")
	}
	return q.cachedPage(sel, want.limit)
}

// cachedPage reads the first page, from the cache.
func (q *request) cachedPage(sel *selection, limit int) (*page, error) {
	entries, revision, err := q.cachedEntries(sel)
	if err != nil {
		return nil, storeError(q.resource, "", err)
	}
	found := &page{revision: revision, whole: limit == 0}
	if !sel.everything() {
		found.selectors = sel.labels.String() + " " + sel.fields.String()
	}
	if limit == 0 {
		found.entries = make([]*entry, 0, len(entries))
	}
	for i, e := range entries {
		if e.err != nil {
			return nil, apierrors.NewInternalError(e.err)
		}
		if !sel.matches(e) {
			continue
		}
		if limit > 0 && len(found.entries) == limit {
			found.goOn(sel, entries[i-1].key, int64(len(entries)-i))
			break
		}
		found.entries = append(found.entries, e)
	}
	return found, nil
}

// cachedEntries are all that can be in a selection, and perhaps others.
func (q *request) cachedEntries(sel *selection) ([]*entry, int64, error) {
	cache := q.server.storage.cache
	if terms := sel.terms(); len(terms) > 0 {
		return cache.listIndexed(q.Context(), q.resource, terms, sel.prefix())
	}
	return cache.list(q.Context(), q.resource, sel.prefix())
}

// goOn notes that the list goes on behind a key. How much remains is known only
// where no selector has to look at it.
func (p *page) goOn(sel *selection, last string, remaining int64) {
	p.next = continueToken{Revision: p.revision, Start: last + "\x00"}.encode()
	if sel.everything() {
		p.remaining = &remaining
	}
}

// storedPage reads a page from the store's history. A negative revision is the
// present one.
func (q *request) storedPage(sel *selection, limit int, revision int64, start string) (*page, error) {
	revision = max(revision, 0)
	keys := store.Prefix(q.resource.Prefix() + sel.prefix())
	if start != "" {
		keys = keys.From(q.resource.Prefix() + start)
	}
	found := &page{revision: revision}
	for {
		list, err := q.storedList(keys, found.revision, limit)
		if isGone(err) && start != "" {
			return nil, expiredToken(start)
		}
		if err != nil {
			return nil, storeError(q.resource, "", err)
		}
		found.revision = list.Revision
		for i, kv := range list.Items {
			current, err := q.server.storage.stateOf(q.Context(), q.resource, kv)
			if err != nil {
				return nil, apierrors.NewInternalError(err)
			}
			if e := current.entry(q.resource, kv.Key); sel.matches(e) {
				found.entries = append(found.entries, e)
			}
			more := list.Count - int64(i) - 1
			if limit > 0 && len(found.entries) == limit && more > 0 {
				found.goOn(sel, kv.Key[len(q.resource.Prefix()):], more)
				return found, nil
			}
		}
		if int64(len(list.Items)) == list.Count {
			return found, nil
		}
		keys = keys.From(list.Items[len(list.Items)-1].Key + "\x00")
	}
}

func (q *request) storedList(keys store.Range, revision int64, limit int) (store.ListResult, error) {
	return q.server.storage.store.List(q.Context(), keys, store.ListOptions{Revision: revision, Limit: limit})
}

// listMeta is the metadata of a list or a table.
type listMeta struct {
	revision  int64
	next      string
	remaining *int64
}

func (m listMeta) metadata() metav1.ListMeta {
	return metav1.ListMeta{
		ResourceVersion: formatRevision(m.revision), Continue: m.next, RemainingItemCount: m.remaining,
	}
}

// typedList builds the kind's own list type.
func typedList(r *api.Resource, objects []api.Object, listed listMeta) (runtime.Object, error) {
	list := r.NewList()
	items := make([]runtime.Object, 0, len(objects))
	for _, obj := range objects {
		items = append(items, obj)
	}
	if err := meta.SetList(list, items); err != nil {
		return nil, err
	}
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return nil, err
	}
	accessor.SetResourceVersion(formatRevision(listed.revision))
	accessor.SetContinue(listed.next)
	accessor.SetRemainingItemCount(listed.remaining)
	return list, nil
}
