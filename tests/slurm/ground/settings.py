"""What a cluster is made of, and the files that say so to Slurm."""

import dataclasses

from tests.slurm.ground.layout import Layout

HOST = "localhost"  # what the daemons take this machine's name to be, and so where they listen
NODE = "node1"
DEFAULT, URGENT, DOWN = "debug", "urgent", "closed"  # the partitions
ACCOUNT, QOS = "project", "limited"  # beside those that Slurm makes: `root` and `normal`
STRANGER = "nobody"  # another user who may submit


@dataclasses.dataclass(frozen=True)
class Settings:
    """What may differ from one cluster to the next."""

    cpus: int = 64  # pretended
    memory: int = 16384  # MiB, pretended
    fake: int = 2  # how many of the generic resource `fake`
    min_job_age: int = 300  # seconds until the controller forgets a job that has ended, at least 2
    kill_wait: int = 2  # seconds between SIGTERM and SIGKILL to a job at its time limit
    person: str = "root"  # who may submit, beside root and STRANGER, and has a token


USUAL = Settings()


def slurm_conf(layout: Layout, settings: Settings) -> str:
    """Return slurm.conf: short intervals, so that tests need not wait, and pretended hardware."""
    return f"""\
ClusterName=ground
SlurmctldHost={HOST}(127.0.0.1)
SlurmctldPort={layout.controller}
SlurmdPort={layout.node}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
{_auth(layout)}
CredType=cred/munge

StateSaveLocation={layout.state}/controller
SlurmdSpoolDir={layout.state}/node
SlurmctldPidFile={layout.state}/slurmctld.pid
SlurmdPidFile={layout.state}/slurmd.pid
SlurmctldParameters=idle_on_node_suspend
SlurmdParameters=config_overrides
MailProg=/bin/true

ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SwitchType=switch/none
MpiDefault=none

SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2,default_queue_depth=2000
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MaxJobCount=20000
MinJobAge={settings.min_job_age}
KillWait={settings.kill_wait}
EpilogMsgTime=0
SlurmctldTimeout=30
SlurmdTimeout=30
ReturnToService=2

AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={layout.accounting}
AccountingStoragePass=socket={layout.munge}
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment
AccountingStorageTRES=gres/fake

GresTypes=fake
NodeName={NODE} NodeHostname={HOST} NodeAddr=127.0.0.1 CPUs={settings.cpus} \
RealMemory={settings.memory} Gres=fake:{settings.fake} State=UNKNOWN
PartitionName=DEFAULT Nodes={NODE} State=UP DefMemPerCPU=64 MaxTime=INFINITE DefaultTime=60
PartitionName={DEFAULT} Default=YES
PartitionName={URGENT} PriorityTier=10 MaxTime=30 DefaultTime=10
PartitionName={DOWN} State=DOWN
"""


def gres_conf(settings: Settings) -> str:
    """Return gres.conf: a resource without any device behind it."""
    return f"NodeName={NODE} Name=fake Count={settings.fake}\n"


def accounts(settings: Settings) -> str:
    """Return what accounting is to know of this cluster."""
    users = "".join(f"User - '{name}'\n" for name in sorted({"root", STRANGER, settings.person}))
    return f"""\
Cluster - 'ground'
Parent - 'root'
Account - '{ACCOUNT}':QOS='normal,{QOS}'
Parent - '{ACCOUNT}'
{users}"""


def slurmdbd_conf(layout: Layout) -> str:
    """Return slurmdbd.conf; it takes the socket of the database from its environment."""
    return f"""\
DbdHost={HOST}
DbdAddr=127.0.0.1
DbdPort={layout.accounting}
CommunicationParameters=NoInAddrAny
SlurmUser=root
{_auth(layout)}
PidFile={layout.state}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""


def _auth(layout: Layout) -> str:
    return f"""\
AuthType=auth/munge
AuthInfo=socket={layout.munge}
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={layout.conf}/jwt.key"""
