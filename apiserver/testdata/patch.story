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
details: {}
kind: Status
message: the server rejected our request due to an error in our request
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
  []handlers.jsonPatchOp'
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
message: invalid JSON patch
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
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: patch
    message: 'Invalid value: "map[spec:map[replicaz:3]]": strict decoding error: unknown
      field "spec.replicaz"'
    reason: FieldValueInvalid
kind: Status
message: ' "" is invalid: patch: Invalid value: "map[spec:map[replicaz:3]]": strict
  decoding error: unknown field "spec.replicaz"'
metadata: {}
reason: Invalid
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
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: patch
    message: 'Invalid value: "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"UID\",\"resourceVersion\":\"5\",\"generation\":3,\"creationTimestamp\":\TIME\",\"labels\":{\"y\":\"2\"},\"managedFields\":[{\"manager\":\"unknown\",\"operation\":\"Update\",\"apiVersion\":\"apps/v1\",\"time\":\TIME\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:y\":{}}},\"f:spec\":{\"f:progressDeadlineSeconds\":{},\"f:replicas\":{},\"f:revisionHistoryLimit\":{},\"f:selector\":{},\"f:strategy\":{\"f:rollingUpdate\":{\".\":{},\"f:maxSurge\":{},\"f:maxUnavailable\":{}},\"f:type\":{}},\"f:template\":{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"one\\\"}\":{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},\"f:resources\":{},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}},\"k:{\\\"name\\\":\\\"two\\\"}\":{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},\"f:resources\":{},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}},\"f:dnsPolicy\":{},\"f:restartPolicy\":{},\"f:schedulerName\":{},\"f:securityContext\":{},\"f:terminationGracePeriodSeconds\":{}}}}}}]},\"spec\":{\"progressDeadlineSeconds\":600,\"replicas\":\"many\",\"revisionHistoryLimit\":10,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"25%\",\"maxSurge\":\"25%\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"one\",\"image\":\"i\",\"resources\":{},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"Always\"},{\"name\":\"two\",\"image\":\"better\",\"resources\":{},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"Always\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\",\"securityContext\":{},\"schedulerName\":\"default-scheduler\"}}},\"status\":{}}":
      json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas
      of type int32'
    reason: FieldValueInvalid
kind: Status
message: ' "" is invalid: patch: Invalid value: "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"UID\",\"resourceVersion\":\"5\",\"generation\":3,\"creationTimestamp\":\TIME\",\"labels\":{\"y\":\"2\"},\"managedFields\":[{\"manager\":\"unknown\",\"operation\":\"Update\",\"apiVersion\":\"apps/v1\",\"time\":\TIME\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:y\":{}}},\"f:spec\":{\"f:progressDeadlineSeconds\":{},\"f:replicas\":{},\"f:revisionHistoryLimit\":{},\"f:selector\":{},\"f:strategy\":{\"f:rollingUpdate\":{\".\":{},\"f:maxSurge\":{},\"f:maxUnavailable\":{}},\"f:type\":{}},\"f:template\":{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"one\\\"}\":{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},\"f:resources\":{},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}},\"k:{\\\"name\\\":\\\"two\\\"}\":{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:name\":{},\"f:resources\":{},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}},\"f:dnsPolicy\":{},\"f:restartPolicy\":{},\"f:schedulerName\":{},\"f:securityContext\":{},\"f:terminationGracePeriodSeconds\":{}}}}}}]},\"spec\":{\"progressDeadlineSeconds\":600,\"replicas\":\"many\",\"revisionHistoryLimit\":10,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxUnavailable\":\"25%\",\"maxSurge\":\"25%\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"one\",\"image\":\"i\",\"resources\":{},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"Always\"},{\"name\":\"two\",\"image\":\"better\",\"resources\":{},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"Always\"}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\",\"securityContext\":{},\"schedulerName\":\"default-scheduler\"}}},\"status\":{}}":
  json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas
  of type int32'
metadata: {}
reason: Invalid
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

# When an object was made is not for clients to say, and they are not told off: so an object from elsewhere can replace one.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/merge-patch+json
show: kind
{"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}}
=> 200 OK
kind: Deployment

# But it is not another one, and not on its way out.
PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/merge-patch+json
show: code message
{"metadata": {"uid": "other"}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: metadata.uid
    message: 'Invalid value: "other": field is immutable'
    reason: FieldValueInvalid
  group: apps
  kind: Deployment
  name: web
kind: Status
message: 'Deployment.apps "web" is invalid: metadata.uid: Invalid value: "other":
  field is immutable'
metadata: {}
reason: Invalid
status: Failure

PATCH /apis/apps/v1/namespaces/default/deployments/web
Content-Type: application/merge-patch+json
show: code reason details.causes
{"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5}}
=> 422 Unprocessable Entity
apiVersion: v1
code: 422
details:
  causes:
  - field: metadata.deletionTimestamp
    message: 'Invalid value: TIME: field is immutable'
    reason: FieldValueInvalid
  - field: metadata.deletionGracePeriodSeconds
    message: 'Invalid value: 5: field is immutable'
    reason: FieldValueInvalid
  group: apps
  kind: Deployment
  name: web
kind: Status
message: 'Deployment.apps "web" is invalid: [metadata.deletionTimestamp: Invalid value:
  TIME: field is immutable, metadata.deletionGracePeriodSeconds:
  Invalid value: 5: field is immutable]'
metadata: {}
reason: Invalid
status: Failure
