"""A group of instances behind a load balancer in the default VPC, as several tests need it."""
import base64

from conftest import eventually

# Answers on 80 with its name; /burn?seconds=N keeps one CPU busy in a process of its own.
SERVER = r"""#!/bin/sh
cat >/opt/server.js <<'JS'
const http = require('http'), os = require('os'), { spawn } = require('child_process');
http.createServer((request, response) => {
  if (request.url.startsWith('/burn'))
    spawn('timeout', ['900', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' });
  response.end(os.hostname() + '\n');
}).listen(80);
JS
node /opt/server.js &
"""


class Group:
    def __init__(self, cloud, name="web", minimum=2, maximum=10, desired=None, health="ELB", grace=120, cpu=None,
                 interval=10, timeout=9, cooldown=60, server=SERVER):
        self.cloud, self.name = cloud, name
        self.ec2, self.elb, self.asg = (cloud.boto(s) for s in ("ec2", "elbv2", "autoscaling"))
        self.cloudwatch = cloud.boto("cloudwatch")
        vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        self.subnets = [s["SubnetId"] for s in sorted(subnets, key=lambda s: s["AvailabilityZone"])[:2]]
        front, servers = (self._security_group(f"{name}-{part}", vpc) for part in ("front", "servers"))
        self._allow(front, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
        self._allow(servers, UserIdGroupPairs=[{"GroupId": front}])
        image = self.cloud.boto("ssm").get_parameter(
            Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")["Parameter"]["Value"]
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={
            "ImageId": image, "InstanceType": "t3.micro", "SecurityGroupIds": [servers],
            "UserData": base64.b64encode(server.encode()).decode()})
        self.targets = self.elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=vpc, HealthCheckIntervalSeconds=interval,
            HealthCheckTimeoutSeconds=timeout, HealthyThresholdCount=2, UnhealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
        self.elb.modify_target_group_attributes(TargetGroupArn=self.targets, Attributes=[
            {"Key": "deregistration_delay.timeout_seconds", "Value": "10"}])
        self.balancer = self.elb.create_load_balancer(Name=name, Subnets=self.subnets, SecurityGroups=[front])["LoadBalancers"][0]
        self.elb.create_listener(LoadBalancerArn=self.balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
                                 DefaultActions=[{"Type": "forward", "TargetGroupArn": self.targets}])
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
            MinSize=minimum, MaxSize=maximum, DesiredCapacity=desired or minimum, VPCZoneIdentifier=",".join(self.subnets),
            TargetGroupARNs=[self.targets], HealthCheckType=health, HealthCheckGracePeriod=grace, DefaultCooldown=cooldown)
        if cpu:
            self.asg.put_scaling_policy(
                AutoScalingGroupName=name, PolicyName="cpu", PolicyType="TargetTrackingScaling",
                TargetTrackingConfiguration={"TargetValue": cpu, "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "ASGAverageCPUUtilization"}})

    def _security_group(self, name, vpc):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

    def _allow(self, group, **source):
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **source}])

    @property
    def host(self):
        return self.balancer["DNSName"]

    def describe(self):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"][0]

    def in_service(self):
        return [i["InstanceId"] for i in self.describe()["Instances"]
                if i["LifecycleState"] == "InService" and i["HealthStatus"] == "Healthy"]

    def healthy(self):
        found = self.elb.describe_target_health(TargetGroupArn=self.targets)["TargetHealthDescriptions"]
        return [t["Target"]["Id"] for t in found if t["TargetHealth"]["State"] == "healthy"]

    def wait_healthy(self, count):
        eventually(lambda: len(self.healthy()) == count and len(self.in_service()) == count, what=f"{count} healthy instances")
        return self.in_service()

    def activities(self):
        return self.asg.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]
