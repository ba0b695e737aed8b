#!/usr/bin/env bash
# The stateless application that scales: two to ten instances in two zones behind an Application
# Load Balancer, by CPU. Typed as for AWS; `eval "$(pileus env)"` first. The application keeps its
# sessions nowhere: Redis, S3, ECR and IAM roles are not there yet.
# AWS may name the aws command to use, with options: AWS="aws --endpoint-url http://127.0.0.1:4566".
set -euo pipefail
AWS=${AWS:-aws}
MY_IP=${MY_IP:?the address that may ssh, such as 100.64.0.1/32 (pileus status shows it)}
DIR=${DIR:-.}
aws() { command $AWS --region "${REGION:-ap-south-1}" --output text "$@"; }

vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId)
gateway=$(aws ec2 create-internet-gateway --query InternetGateway.InternetGatewayId)
aws ec2 attach-internet-gateway --internet-gateway-id "$gateway" --vpc-id "$vpc"
table=$(aws ec2 describe-route-tables --filters "Name=vpc-id,Values=$vpc" --query 'RouteTables[0].RouteTableId')
aws ec2 create-route --route-table-id "$table" --destination-cidr-block 0.0.0.0/0 --gateway-id "$gateway" >/dev/null
subnets=()
for zone in a b; do
    subnet=$(aws ec2 create-subnet --vpc-id "$vpc" --cidr-block "10.0.$((${#subnets[@]} + 1)).0/24" \
        --availability-zone "${REGION:-ap-south-1}$zone" --query Subnet.SubnetId)
    aws ec2 modify-subnet-attribute --subnet-id "$subnet" --map-public-ip-on-launch
    subnets+=("$subnet")
done

group() { # NAME DESCRIPTION
    aws ec2 create-security-group --group-name "$1" --description "$2" --vpc-id "$vpc" --query GroupId
}
allow() { # GROUP PORT SOURCE...
    aws ec2 authorize-security-group-ingress --group-id "$1" --protocol tcp --port "$2" "${@:3}" >/dev/null
}
alb_group=$(group stateless-alb-sg "HTTP and HTTPS from anywhere")
allow "$alb_group" 80 --cidr 0.0.0.0/0
allow "$alb_group" 443 --cidr 0.0.0.0/0
ec2_group=$(group stateless-ec2-sg "HTTP from the load balancer, SSH from me")
allow "$ec2_group" 80 --source-group "$alb_group"
allow "$ec2_group" 22 --cidr "$MY_IP"

targets=$(aws elbv2 create-target-group --name stateless-app-targets --protocol HTTP --port 80 --vpc-id "$vpc" \
    --health-check-path /health --health-check-interval-seconds 30 --health-check-timeout-seconds 5 \
    --healthy-threshold-count 2 --unhealthy-threshold-count 3 --query 'TargetGroups[0].TargetGroupArn')
aws elbv2 modify-target-group-attributes --target-group-arn "$targets" \
    --attributes Key=deregistration_delay.timeout_seconds,Value=300 >/dev/null
balancer=$(aws elbv2 create-load-balancer --name stateless-app-alb --subnets "${subnets[@]}" --security-groups "$alb_group" \
    --query 'LoadBalancers[0].LoadBalancerArn')
aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 80 \
    --default-actions "Type=forward,TargetGroupArn=$targets" >/dev/null

aws ec2 create-key-pair --key-name stateless-key --key-type ed25519 --query KeyMaterial >"$DIR/stateless-key.pem"
chmod 400 "$DIR/stateless-key.pem"
image=$(aws ssm get-parameter --name /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 --query Parameter.Value)
cat >"$DIR/user-data.sh" <<'USER_DATA'
#!/bin/sh
cat >/opt/server.js <<'JS'
const http = require('http'), os = require('os');
http.createServer((request, response) => {
  response.end(request.url === '/health' ? 'ok\n' : `version ${process.env.VERSION} on ${os.hostname()}\n`);
}).listen(80);
JS
VERSION=1 node /opt/server.js &
USER_DATA
user_data() { # the program's VERSION
    sed "s/VERSION=1/VERSION=$1/" "$DIR/user-data.sh" | base64 -w0
}
aws ec2 create-launch-template --launch-template-name stateless-app-template --launch-template-data \
    "{\"ImageId\": \"$image\", \"InstanceType\": \"t3.micro\", \"KeyName\": \"stateless-key\",
      \"SecurityGroupIds\": [\"$ec2_group\"], \"UserData\": \"$(user_data 1)\"}" >/dev/null

aws autoscaling create-auto-scaling-group --auto-scaling-group-name stateless-app-asg \
    --launch-template 'LaunchTemplateName=stateless-app-template,Version=$Latest' \
    --min-size 2 --desired-capacity 2 --max-size 10 --vpc-zone-identifier "${subnets[0]},${subnets[1]}" \
    --target-group-arns "$targets" --health-check-type ELB --health-check-grace-period 300 --default-cooldown 300
aws autoscaling put-scaling-policy --auto-scaling-group-name stateless-app-asg --policy-name cpu-50 \
    --policy-type TargetTrackingScaling --target-tracking-configuration \
    '{"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 50}' >/dev/null
aws autoscaling enable-metrics-collection --auto-scaling-group-name stateless-app-asg --granularity 1Minute

topic=$(aws sns create-topic --name stateless-app-ops)
aws sns subscribe --topic-arn "$topic" --protocol email --notification-endpoint ops@example.com >/dev/null
aws autoscaling put-notification-configuration --auto-scaling-group-name stateless-app-asg --topic-arn "$topic" \
    --notification-types autoscaling:EC2_INSTANCE_LAUNCH autoscaling:EC2_INSTANCE_TERMINATE
aws cloudwatch put-metric-alarm --alarm-name stateless-unhealthy-hosts --namespace AWS/ApplicationELB \
    --metric-name UnHealthyHostCount --statistic Maximum --period 60 --evaluation-periods 1 --threshold 0 \
    --comparison-operator GreaterThanThreshold --alarm-actions "$topic" --dimensions \
    "Name=TargetGroup,Value=${targets##*:}" "Name=LoadBalancer,Value=${balancer#*:loadbalancer/}"
aws cloudwatch put-metric-alarm --alarm-name stateless-cpu-80 --namespace AWS/EC2 --metric-name CPUUtilization \
    --statistic Average --period 300 --evaluation-periods 2 --threshold 80 --comparison-operator GreaterThanThreshold \
    --alarm-actions "$topic" --dimensions Name=AutoScalingGroupName,Value=stateless-app-asg

name=$(aws elbv2 describe-load-balancers --load-balancer-arns "$balancer" --query 'LoadBalancers[0].DNSName')
cat <<FACTS
VPC=$vpc
TARGET_GROUP=$targets
LOAD_BALANCER=$balancer
TOPIC=$topic
KEY=$DIR/stateless-key.pem
URL=http://$name
SECOND_VERSION=$(user_data 2)
FACTS
