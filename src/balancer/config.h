/*
 * The balancer's configuration: JSON in the API's own words, loaded into an immutable snapshot.
 * One loader serves both uses; which of the two a document is shows in its first member.
 *
 * Alone (`pileus balance --config FILE`):
 *
 *   {"Workers": 1,                        threads; default: one for each CPU
 *    "AccessLog": "FILE",                 appended to, opened anew with each load; default: none
 *    "ConnectionLog": "FILE",             the same
 *    "HealthCheckLog": "FILE",            the same
 *    "Attributes": {KEY: VALUE, ...},     of the load balancer
 *    "CookieKey": "...",                  32 bytes in base64, for stickiness; default: random
 *    "Clock": {"Speed": 1, "AdvanceSeconds": 0},                          cloud time
 *    "Listeners": [LISTENER, ...],
 *    "TargetGroups": [TARGET_GROUP, ...]}
 *
 * In the cloud (message CONFIGURE; always the whole):
 *
 *   {"HostAddress": "100.64.0.1",         how the host's own clients are seen: the source that
 *                                         AllowedSources is checked against, and X-Forwarded-For
 *    "LoadBalancers": [
 *      {"Name": "app/NAME/16hex",         the dimension in metrics
 *       "DNSName": "...",
 *       "Vpc": "vpc-...",
 *       "Attributes": {KEY: VALUE, ...},
 *       "CookieKey": "...",
 *       "Nodes": [{"Address": "10.0.1.7", "AvailabilityZone": "us-east-1a"}, ...],   at least one
 *       "AllowedSources": [{"Cidr": "0.0.0.0/0", "FromPort": 80, "ToPort": 80}, ...],
 *       "Listeners": [LISTENER, ...]}],
 *    "TargetGroups": [TARGET_GROUP, ...]}
 *
 * LISTENER      {"Protocol": "HTTP", "Port": 80, "DefaultActions": [ACTION], "Rules": [RULE, ...],
 *                "Attributes": {KEY: VALUE, ...}}
 *               alone also "Address": "127.0.0.1" (required) and "AvailabilityZone": its node;
 *               in the cloud also "ListenerArn"
 *               HTTPS: also "SslPolicy": "ELBSecurityPolicy-2016-08" and
 *               "Certificates": [CERTIFICATE, ...], of which the first is the default
 * CERTIFICATE   {"Certificate": PEM, "PrivateKey": PEM, "CertificateChain": PEM}; the chain may be
 *               missing, and "CertificateArn" be there. `pileus balance` also takes
 *               "CertificateFile", "PrivateKeyFile", "CertificateChainFile" and reads them
 * RULE          {"Priority": "10", "Conditions": [CONDITION, ...], "Actions": [ACTION]}
 *               "Priority" may be a string or a number; rules may come in any order;
 *               a default rule ("Priority": "default") may be among them and is passed over
 *               also "Transforms": [TRANSFORM, ...], of each type at most one
 * CONDITION     {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}}
 *               {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x/<star>"]}}
 *               of these two, the values may also stand in the condition itself
 *               {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X", "Values": []}}
 *               of these three, "RegexValues" may stand in place of "Values"
 *               {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}
 *               {"Field": "query-string",
 *                "QueryStringConfig": {"Values": [{"Key": "k", "Value": "v"}, ...]}}  no Key: any
 *               {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "::1/128"]}}
 * TRANSFORM     {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": REWRITES}
 *               {"Type": "url-rewrite", "UrlRewriteConfig": REWRITES}
 * REWRITES      {"Rewrites": [{"Regex": "^/a/(.*)", "Replace": "/$1"}]}     exactly one
 * ACTION        {"Type": "forward", GROUP}
 *               {"Type": "forward", "ForwardConfig": {"TargetGroups": [{GROUP, "Weight": 1}, ...],
 *                 "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 60}}}
 *               {"Type": "redirect", "RedirectConfig": {"Protocol", "Host", "Port", "Path",
 * "Query", "StatusCode": "HTTP_301"|"HTTP_302"}}
 *               {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404",
 *                                                       "ContentType", "MessageBody"}}
 * GROUP         alone "TargetGroupName": "app"; in the cloud "TargetGroupArn": "arn:..."
 * TARGET_GROUP  {"TargetGroupName": "app",         alone: the name that actions use
 *                "Name": "targetgroup/NAME/16hex", in the cloud: the dimension in metrics
 *                "TargetGroupArn": "arn:...",      in the cloud: the name that actions use
 *                "Protocol": "HTTP"|"HTTPS", "ProtocolVersion": "HTTP1"|"HTTP2"|"GRPC",
 *                "Port": 80, "TargetType": "instance"|"ip",
 *                "HealthCheckProtocol": "HTTP"|"HTTPS", "HealthCheckPort": "traffic-port",
 *                "HealthCheckPath": "/", "HealthCheckIntervalSeconds": 30,
 *                "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 5,
 *                "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200"},
 *                                  (GRPC: {"GrpcCode": "12"}, asked at /AWS.ALB/healthcheck)
 *                "Attributes": {KEY: VALUE, ...}, "Targets": [TARGET, ...]}
 *               all but the names and Protocol have the default shown; "Port" has none
 * TARGET        {"Id": "i-... or address", "Address": "10.0.1.20", "Port": 3000,
 *                "AvailabilityZone": "us-east-1a",
 *                "Draining": false,       deregistered: no new requests, those in flight go on
 *                "InvalidState": false}   the instance does not run: unused, Target.InvalidState
 *               "Address" defaults to "Id"; "Port" to the group's
 *
 * Attribute values may be strings, as in the API, or JSON numbers and booleans. Members that only
 * describe a resource in the API (LoadBalancerArn, ListenerArn, RuleArn, IsDefault, VpcId, Tags,
 * Order, HealthCheckEnabled: true, ...) and members that begin with "_" are passed over. Anything
 * else that the balancer does not do, a setting, a condition or an action, is an error: nothing is
 * accepted and ignored.
 *
 * A target that leaves the configuration altogether has its requests in flight cut (502) in the
 * cloud, where Draining came before; alone that is so once the deregistration delay is over.
 */
#pragma once
