"""Groups of instances that do nothing, for what concerns the groups alone."""
from backend import IMAGE_PARAMETER
from conftest import eventually


class Fleet:
    def __init__(self, cloud):
        self.cloud = cloud
        self.ec2, self.asg = cloud.boto("ec2"), cloud.boto("autoscaling")
        self.image = cloud.boto("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        found = self.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        self.subnets = [s["SubnetId"] for s in sorted(found, key=lambda s: s["AvailabilityZone"])]
        self.template("fleet")

    def template(self, name, **data):
        data = {"ImageId": self.image, "InstanceType": "t3.micro", **data}
        self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)

    def create(self, name, minimum, maximum, desired=None, template="fleet", zones=2, version="$Latest", **options):
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": template, "Version": version},
            MinSize=minimum, MaxSize=maximum, DesiredCapacity=minimum if desired is None else desired,
            VPCZoneIdentifier=",".join(self.subnets[:zones]), **options)
        return name

    def update(self, name, **options):
        self.asg.update_auto_scaling_group(AutoScalingGroupName=name, **options)

    def set_desired(self, name, desired, **options):
        self.asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=desired, **options)

    def describe(self, name):
        found = self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        return found[0] if found else None

    def members(self, name):
        """Every instance of the group by its id."""
        return {member["InstanceId"]: member for member in self.describe(name)["Instances"]}

    def wait(self, name, count):
        """Waits for exactly so many instances, all in service and healthy; gives their ids."""
        def settled():
            members = self.members(name).values()
            return len(members) == count and all(
                (m["LifecycleState"], m["HealthStatus"]) == ("InService", "Healthy") for m in members)
        eventually(settled, what=f"{count} instances in {name}")
        return list(self.members(name))

    def activities(self, name):
        """The newest first."""
        return self.asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]

    def causes(self, name):
        """What the causes say, without their times."""
        return [" ".join(word for word in a["Cause"].split() if not word.startswith("20") and word != "At")
                for a in self.activities(name)]

    def delete(self, name):
        self.asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
