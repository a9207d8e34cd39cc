POST /apis/apps/v1/namespaces/default/deployments
show: -
{"metadata": {"name": "web", "labels": {"x": "1"}}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "one", "image": "i"}, {"name": "two", "image": "i"}]}}}}
=> 201 Created

# JSON patch (RFC 6902).
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/json-patch+json
show: spec.replicas metadata.labels
[{"op": "replace", "path": "/spec/replicas", "value": 4}, {"op": "add", "path": "/metadata/labels/y", "value": "2"}]
=> 200 OK
metadata.labels:
  x: "1"
  "y": "2"
spec.replicas: 4

# A test that fails refuses the patch.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/json-patch+json
[{"op": "test", "path": "/spec/replicas", "value": 9}, {"op": "replace", "path": "/spec/replicas", "value": 10}]
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
kind: Status
message: 'the server rejected our request due to an error in our request: testing
  value /spec/replicas failed: test failed'
metadata: {}
reason: Invalid
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/json-patch+json
{"not": "a list"}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'error decoding patch: json: cannot unmarshal object into Go value of type
  jsonpatch.Patch'
metadata: {}
reason: BadRequest
status: Failure

# Merge patch (RFC 7386): null removes.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/merge-patch+json
show: metadata.labels
{"metadata": {"labels": {"x": null}}}
=> 200 OK
metadata.labels:
  "y": "2"

PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/merge-patch+json
[1, 2
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'error decoding patch: unexpected end of JSON input'
metadata: {}
reason: BadRequest
status: Failure

# Strategic merge patch knows that containers are merged by their names.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/strategic-merge-patch+json
show: metadata.generation
{"spec": {"template": {"spec": {"containers": [{"name": "two", "image": "better"}]}}}}
=> 200 OK
metadata.generation: 3

PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldValidation=Strict
Content-Type: application/strategic-merge-patch+json
{"spec": {"replicaz": 3}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'strict decoding error: unknown field "spec.replicaz"'
metadata: {}
reason: BadRequest
status: Failure

# The outcome is validated like any object.
PATCH /apis/apps/v1/namespaces/default/deployments/web
show: reason
{"spec": {"replicas": -5}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: spec.replicas
    message: 'Invalid value: -5: must be greater than or equal to 0'
    reason: FieldValueInvalid
  group: apps
  kind: Deployment
  name: web
kind: Status
message: 'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -5: must
  be greater than or equal to 0'
metadata: {}
reason: Invalid
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web
{"spec": {"replicas": "many"}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot
  unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'
metadata: {}
reason: BadRequest
status: Failure

# A patch may name the state it is for.
PATCH /apis/apps/v1/namespaces/default/deployments/web
{"metadata": {"resourceVersion": "2"}, "spec": {"replicas": 6}}
=> 409 Conflict
apiVersion: v1
code: 409
details:
  group: apps
  kind: deployments
  name: web
kind: Status
message: 'Operation cannot be fulfilled on deployments.apps "web": the object has
  been modified; please apply your changes to the latest version and try again'
metadata: {}
reason: Conflict
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/nobody
{"spec": {"replicas": 6}}
=> 404 Not Found
apiVersion: v1
code: 404
details:
  group: apps
  kind: deployments
  name: nobody
kind: Status
message: deployments.apps "nobody" not found
metadata: {}
reason: NotFound
status: Failure

# Who a thing is cannot be patched.
PATCH /apis/apps/v1/namespaces/default/deployments/web
{"metadata": {"name": "other"}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: the name of the object (other) does not match the name on the URL (web)
metadata: {}
reason: BadRequest
status: Failure

# Server-side apply, of which apply.story tells, wants to know what it applies.
PATCH /apis/apps/v1/namespaces/default/deployments/web?fieldManager=me
Content-Type: application/apply-patch+yaml
{"spec": {"replicas": 6}}
=> 400 Bad Request
apiVersion: v1
code: 400
kind: Status
message: 'invalid object type: /, Kind='
metadata: {}
reason: BadRequest
status: Failure

GET /apis/apps/v1/namespaces/default/deployments/web
show: spec.replicas spec.template.spec.containers
=> 200 OK
spec.replicas: 4
spec.template.spec.containers:
- image: i
  imagePullPolicy: Always
  name: one
  resources: {}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
- image: better
  imagePullPolicy: Always
  name: two
  resources: {}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
