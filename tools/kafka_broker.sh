#!/usr/bin/env bash
# kafka_broker.sh DIRECTORY PORT CONTROLLER_PORT
#
# Runs a Kafka broker of its own (KRaft, one node, no security) with its data in DIRECTORY, for tests, benchmarks and demos,
# until it is killed; this process becomes it. Its jars come from Maven Central once, into
# ${XDG_CACHE_HOME:-~/.cache}/rivulet. Ends with 69 where Java is missing.
# kafka_broker.sh --jars: only fetches them.
set -euo pipefail

kafka=3.9.1
jars=${RIVULET_KAFKA_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/rivulet/kafka-$kafka}

fetch() {
    command -v mvn >/dev/null || {
        echo "the jars of Kafka are not in $jars, and there is no mvn to fetch them: apt-get install maven" >&2
        exit 69
    }
    local work
    mkdir -p "$(dirname "$jars")"
    work=$(mktemp -d "$jars.XXXXXX")
    cat >"$work/pom.xml" <<POM
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>rivulet</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
    mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/libs" >&2
    mv -T "$work/libs" "$jars" 2>/dev/null || [[ -d $jars ]] # another one may have been first
    rm -rf "$work"
}

command -v java >/dev/null || {
    echo "there is no Java: apt-get install default-jre-headless" >&2
    exit 69
}
[[ -d $jars ]] || fetch
if [[ ${1:-} == --jars ]]; then exit 0; fi

directory=$1 port=$2 controller=$3
mkdir -p "$directory"
if [[ ! -e $directory/server.properties ]]; then
    cat >"$directory/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$directory/data
num.partitions=2
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
auto.create.topics.enable=false
log.segment.delete.delay.ms=0
file.delete.delay.ms=0
PROPERTIES
    java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$jars/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn kafka.tools.StorageTool format \
        -t MkU3OEVBNTcwNTJENDM2Qg -c "$directory/server.properties" >"$directory/format.log" 2>&1
fi
exec java -Xmx1g -Xshare:auto -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$jars/*" kafka.Kafka \
    "$directory/server.properties" >"$directory/broker.log" 2>&1
