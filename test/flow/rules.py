"""Rules for the tests of conditions, actions and transforms, and what the program says of wrong ones."""

CONFIGS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig", "http-header": "HttpHeaderConfig",
           "http-request-method": "HttpRequestMethodConfig", "query-string": "QueryStringConfig",
           "source-ip": "SourceIpConfig"}


def fixed(status, **config):
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": str(status), **config}}


def condition(field, *values, **config):
    return {"Field": field, CONFIGS[field]: {**({"Values": list(values)} if values else {}), **config}}


def header(name, *values):
    return condition("http-header", *values, HttpHeaderName=name)


def query(*pairs):
    """Each a value, or a key and a value."""
    return condition("query-string", *({"Key": pair[0], "Value": pair[1]} if isinstance(pair,
        tuple) else {"Value": pair}
                                       for pair in pairs))


def rule(priority, conditions, action=None, **more):
    return {"Priority": str(priority), "Conditions": conditions, "Actions": [action or fixed(priority)], **more}


def refusal(balancer, **listener):
    """What the program says of a listener that it must not take."""
    config = balancer.config([])
    config["Listeners"][0].update(listener)
    return balancer.refusal_of(config)


def status_of(balancer, request):
    """The status of the answer to a request as it is written."""
    client = balancer.connect()
    client.send(request)
    status = client.message(head_only=True).status
    client.close()
    return status


def get(path="/", host="e.com", headers=b""):
    return b"GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (path.encode(), host.encode(), headers)
