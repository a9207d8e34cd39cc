# An empty list has a revision to watch from.
GET /api/v1/namespaces/default/configmaps
=> 200 OK
apiVersion: v1
items: []
kind: ConfigMapList
metadata:
  resourceVersion: "1"

POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "b", "labels": {"color": "red"}}}
=> 201 Created

POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "a", "labels": {"color": "blue"}}}
=> 201 Created

POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "c", "labels": {"color": "red"}}}
=> 201 Created

POST /api/v1/namespaces/another/configmaps
show: -
{"metadata": {"name": "z"}}
=> 201 Created

# Lists are in the order of names.
GET /api/v1/configmaps
show: names metadata
=> 200 OK
metadata:
  resourceVersion: "5"
names:
- z
- a
- b
- c

GET /api/v1/configmaps?labelSelector=color+in+(red,green)
show: names
=> 200 OK
names:
- b
- c

GET /api/v1/configmaps?fieldSelector=metadata.namespace%3Ddefault,metadata.name!%3Da
show: names
=> 200 OK
names:
- b
- c

GET /api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Da
show: names
=> 200 OK
names:
- a

GET /api/v1/configmaps?fieldSelector=data.size%3Dbig
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: '"data.size" is not a known field selector: only "metadata.name", "metadata.namespace"'
metadata: {}
reason: BadRequest
status: Failure

GET /api/v1/configmaps?labelSelector=a+b
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'unable to parse requirement: found ''b'', expected: in, notin, =, ==, !=,
  gt, lt'
metadata: {}
reason: BadRequest
status: Failure

# Page by page, all at one revision.
GET /api/v1/namespaces/default/configmaps?limit=2
show: names metadata
=> 200 OK
metadata:
  continue: eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJkZWZhdWx0L2JcdTAwMDAifQ
  remainingItemCount: 1
  resourceVersion: "5"
names:
- a
- b

# What is created meanwhile is not on the next page.
POST /api/v1/namespaces/default/configmaps
show: -
{"metadata": {"name": "bb"}}
=> 201 Created

GET /api/v1/namespaces/default/configmaps?limit=2&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiJkZWZhdWx0L2JcdTAwMDAifQ
show: names metadata
=> 200 OK
metadata:
  resourceVersion: "5"
names:
- c

GET /api/v1/namespaces/default/configmaps?continue=nonsense
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'invalid continue token: continue key is not valid: invalid character ''\u009e''
  looking for beginning of value'
metadata: {}
reason: BadRequest
status: Failure

# A revision gone by.
GET /api/v1/namespaces/default/configmaps?resourceVersion=3&resourceVersionMatch=Exact
show: names metadata
=> 200 OK
metadata:
  resourceVersion: "3"
names:
- a
- b

GET /api/v1/namespaces/default/configmaps?resourceVersion=3
show: names metadata
=> 200 OK
metadata:
  resourceVersion: "6"
names:
- a
- b
- bb
- c

GET /api/v1/namespaces/default/configmaps?resourceVersion=0&limit=1
show: names
=> 200 OK
names:
- a
- b
- bb
- c

GET /api/v1/namespaces/default/configmaps?resourceVersionMatch=Exact
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: resourceVersionMatch
    message: 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion
      is provided'
    reason: FieldValueForbidden
  group: meta.k8s.io
  kind: ListOptions
kind: Status
message: 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden:
  resourceVersionMatch is forbidden unless resourceVersion is provided'
metadata: {}
reason: Invalid
status: Failure

GET /api/v1/namespaces/default/configmaps?resourceVersion=minus-one
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'invalid resource version: resourceVersion: Invalid value: "minus-one": strconv.ParseUint:
  parsing "minus-one": invalid syntax'
metadata: {}
reason: BadRequest
status: Failure

GET /api/v1/namespaces/default/configmaps?limit=-1
=> 200 OK
apiVersion: v1
items:
- metadata:
    creationTimestamp: TIME
    labels:
      color: blue
    name: a
    namespace: default
    resourceVersion: "3"
    uid: UID
- metadata:
    creationTimestamp: TIME
    labels:
      color: red
    name: b
    namespace: default
    resourceVersion: "2"
    uid: UID
- metadata:
    creationTimestamp: TIME
    name: bb
    namespace: default
    resourceVersion: "6"
    uid: UID
- metadata:
    creationTimestamp: TIME
    labels:
      color: red
    name: c
    namespace: default
    resourceVersion: "4"
    uid: UID
kind: ConfigMapList
metadata:
  resourceVersion: "6"

# As kubectl wants it.
GET /api/v1/namespaces/default/configmaps/a?includeObject=None
Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json
show: kind rows
=> 200 OK
kind: Table
rows:
- cells:
  - a
  - 0
  - 0s
  object: null

# As the garbage collector wants it.
GET /api/v1/namespaces/default/configmaps?limit=1
Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io
show: kind items
=> 200 OK
items:
- apiVersion: meta.k8s.io/v1
  kind: PartialObjectMetadata
  metadata:
    creationTimestamp: TIME
    labels:
      color: blue
    managedFields:
    - apiVersion: v1
      fieldsType: FieldsV1
      fieldsV1:
        f:metadata:
          f:labels:
            .: {}
            f:color: {}
      manager: unknown
      operation: Update
      time: TIME
    name: a
    namespace: default
    resourceVersion: "3"
    uid: UID
kind: PartialObjectMetadataList

GET /api/v1/namespaces/default/configmaps
Accept: text/html
=> 406 Not Acceptable
apiVersion: v1
code: 406
details: {}
kind: Status
message: |-
  406: Not Acceptable
  Available representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch
metadata: {}
reason: NotAcceptable
status: Failure
