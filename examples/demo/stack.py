"""The demo's stack, made with boto3 as one would on AWS, and a reading of its state."""
import base64
import os
import signal
from pathlib import Path

import boto3

REGION = "us-east-1"
NAME = "demo"

# Each request costs 6 ms of CPU time, so load is something that the group must scale with.
USER_DATA = r"""#!/bin/sh
cat >/opt/app.js <<'JS'
const http = require('http'), os = require('os');
http.createServer((request, response) => {
  if (request.url === '/work') {
    const start = process.cpuUsage();
    for (;;) { const used = process.cpuUsage(start); if (used.user + used.system > 6000) break; }
  }
  response.end(os.hostname() + '\n');
}).listen(80);
JS
exec node /opt/app.js
"""


class Stack:
    port = 80

    def __init__(self, endpoint_port, data):
        def client(service):
            return boto3.client(service, region_name=REGION, endpoint_url=f"http://127.0.0.1:{endpoint_port}",
                                aws_access_key_id="test", aws_secret_access_key="test")

        self.ec2, self.elb, self.asg, self.cloudwatch = map(client, ("ec2", "elbv2", "autoscaling", "cloudwatch"))
        self.image = client("ssm").get_parameter(
            Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")["Parameter"]["Value"]
        self.key = data / "demo-key.pem"
        self._create()

    def _create(self):
        vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        subnets = [s["SubnetId"] for s in sorted(subnets, key=lambda s: s["AvailabilityZone"])[:2]]
        front = self._group("demo-alb", vpc)
        servers = self._group("demo-instances", vpc)
        self._allow(front, 80, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
        self._allow(servers, 80, UserIdGroupPairs=[{"GroupId": front}])
        self._allow(servers, 22, IpRanges=[{"CidrIp": "100.64.0.0/10"}])
        self.key.write_text(self.ec2.create_key_pair(KeyName=NAME, KeyType="ed25519")["KeyMaterial"])
        self.key.chmod(0o400)
        self.ec2.create_launch_template(LaunchTemplateName=NAME, LaunchTemplateData={
            "ImageId": self.image, "InstanceType": "t3.micro", "KeyName": NAME, "SecurityGroupIds": [servers],
            "UserData": base64.b64encode(USER_DATA.encode()).decode()})
        self.targets = self.elb.create_target_group(
            Name=NAME, Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckIntervalSeconds=60, HealthCheckTimeoutSeconds=50, HealthyThresholdCount=2,
            UnhealthyThresholdCount=3)["TargetGroups"][0]["TargetGroupArn"]
        balancer = self.elb.create_load_balancer(Name=NAME, Subnets=subnets, SecurityGroups=[front])["LoadBalancers"][0]
        self.host = balancer["DNSName"]
        self.elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
                                 DefaultActions=[{"Type": "forward", "TargetGroupArn": self.targets}])
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=NAME, LaunchTemplate={"LaunchTemplateName": NAME, "Version": "$Latest"}, MinSize=2,
            MaxSize=10, VPCZoneIdentifier=",".join(subnets), TargetGroupARNs=[self.targets], HealthCheckType="ELB",
            HealthCheckGracePeriod=600, DefaultInstanceWarmup=120)
        self.asg.put_scaling_policy(
            AutoScalingGroupName=NAME, PolicyName="cpu-50", PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={"TargetValue": 50.0, "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ASGAverageCPUUtilization"}})

    def _group(self, name, vpc):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

    def _allow(self, group, port, **source):
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}])

    def addresses(self):
        return [f"load balancer http://{self.host}/", f"key for ssh   {self.key} (ec2-user@ the public address of an instance)"]

    def read(self):
        group = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"][0]
        health = self.elb.describe_target_health(TargetGroupArn=self.targets)["TargetHealthDescriptions"]
        members = {i["InstanceId"]: i for i in group["Instances"]}
        addresses = {}
        if members:
            found = self.ec2.describe_instances(InstanceIds=list(members))["Reservations"]
            addresses = {i["InstanceId"]: i.get("PublicIpAddress", "-") for r in found for i in r["Instances"]}
        return {
            "desired": group["DesiredCapacity"],
            "members": members,
            "in_service": [i for i, m in members.items() if m["LifecycleState"] == "InService"],
            "health": {t["Target"]["Id"]: t["TargetHealth"] for t in health},
            "healthy": [t["Target"]["Id"] for t in health if t["TargetHealth"]["State"] == "healthy"],
            "addresses": addresses,
            "cpu": self._cpu(),
            "activities": self.asg.describe_scaling_activities(AutoScalingGroupName=NAME, MaxRecords=6)["Activities"],
            "url": f"http://{self.host}/",
        }

    def _cpu(self):
        found = self.cloudwatch.get_metric_data(
            StartTime="2020-01-01T00:00:00Z", EndTime="2100-01-01T00:00:00Z", ScanBy="TimestampDescending", MaxDatapoints=1,
            MetricDataQueries=[{"Id": "cpu", "MetricStat": {"Period": 60, "Stat": "Average", "Metric": {
                "Namespace": "AWS/EC2", "MetricName": "CPUUtilization",
                "Dimensions": [{"Name": "AutoScalingGroupName", "Value": NAME}]}}}])
        values = found["MetricDataResults"][0]["Values"]
        return values[0] if values else None

    @staticmethod
    def kill(instance):
        """kill -9 of the instance's first process, from outside: as if its machine died."""
        processes = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and instance in (entry / "cgroup").read_text():
                    processes.append(int(entry.name))
            except OSError:
                continue
        os.kill(min(processes), signal.SIGKILL)
