package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.vcpusim.actor.ActorPort;
import org.vcpusim.actor.DeviceActor;
import org.vcpusim.actor.Directory;
import org.vcpusim.actor.GuestActor;
import org.vcpusim.actor.PhysicalCpuActor;
import org.vcpusim.actor.Run;
import org.vcpusim.actor.TimerActor;
import org.vcpusim.actor.UserspaceActor;
import org.vcpusim.actor.VcpuActor;
import org.vcpusim.actor.VmActor;
import org.vcpusim.actor.WireActor;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.PhysicalCpu;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.kvm.Wire;
import org.vcpusim.trace.Source;

/**
 * The actors of one run: children of one parent, with which they end.
 *
 * <p>Their order, which is also their index in a schedule: the VM, user space, the timer, the vCPUs, their guests, the
 * devices, the processors of the host, the wires to the vCPUs.
 */
final class MachineActors {
    private final Run run;
    private final Directory directory;
    private final List<ActorRef<?>> inOrder;
    private final List<ActorPort> ports;

    private MachineActors(Run run, Directory directory, List<ActorRef<?>> inOrder, List<ActorPort> ports) {
        this.run = run;
        this.directory = directory;
        this.inOrder = inOrder;
        this.ports = ports;
    }

    /** What the system's guardian is told. */
    sealed interface Command {}

    /** Puts a machine on the stage; its actors, but not their parent, run on {@code dispatcher}. */
    record Spawn(Assembly assembly, Run run, DispatcherSelector dispatcher, Flight flight, Stage stage)
            implements Command {}

    /** How IPIs get to a vCPU. */
    enum Flight {
        /** Each through a wire, which has to be picked. */
        THROUGH_WIRES,
        /** Straight to the vCPU: there are no wires. */
        STRAIGHT
    }

    /** Ends the machine on the stage. */
    record Stop(Stage stage) implements Command {}

    /** What the guardian leaves for the thread that told it something. */
    static final class Stage {
        final CountDownLatch spawned = new CountDownLatch(1);
        final CountDownLatch stopped = new CountDownLatch(1);
        private volatile @org.jspecify.annotations.Nullable MachineActors actors;
        private volatile @org.jspecify.annotations.Nullable ActorRef<Object> parent;

        MachineActors actors() {
            MachineActors there = actors;
            if (there == null) {
                throw new IllegalStateException("no machine was spawned");
            }
            return there;
        }
    }

    /** The guardian of a system in which machines come and go. */
    static Behavior<Command> guardian() {
        return Behaviors.setup(context -> Behaviors.receive(Command.class)
                .onMessage(Spawn.class, spawn -> {
                    spawn.stage.parent = context.spawnAnonymous(parent(spawn), DispatcherSelector.sameAsParent());
                    return Behaviors.same();
                })
                .onMessage(Stop.class, stop -> {
                    ActorRef<Object> parent = stop.stage.parent;
                    if (parent != null) {
                        context.stop(parent);
                    }
                    return Behaviors.same();
                })
                .build());
    }

    private static Behavior<Object> parent(Spawn spawn) {
        return Behaviors.setup(context -> {
            try {
                spawn.stage.actors = spawned(context, spawn);
            } catch (RuntimeException e) {
                spawn.run.fail(e);
            }
            spawn.stage.spawned.countDown();
            return Behaviors.receive(Object.class)
                    .onSignal(PostStop.class, signal -> {
                        spawn.stage.stopped.countDown();
                        return Behaviors.same();
                    })
                    .build();
        });
    }

    private static MachineActors spawned(ActorContext<Object> context, Spawn spawn) {
        Assembly a = spawn.assembly;
        int vcpuCount = a.machine().vcpuCount();
        Cast cast = new Cast(context, spawn);
        Vm start = a.vm().get();
        ActorPort vmPort = cast.port(Source.VM);
        vmPort.announce(start::announce);
        ActorRef<Vm.Message> vm = cast.add(Source.VM, VmActor.create(start, vmPort));
        ActorPort userspacePort = cast.port(Source.USERSPACE);
        userspacePort.announce(a.outside().userspace()::announce);
        ActorRef<Userspace.Message> userspace = cast.add(
                Source.USERSPACE,
                UserspaceActor.create(
                        a.outside().userspace(), userspacePort, a.outside().listener()));
        ActorRef<HostTimer.Message> timer =
                cast.add(Source.TIMER, TimerActor.create(a.outside().timer(), cast.port(Source.TIMER)));
        List<ActorRef<Vcpu.Message>> vcpus = new ArrayList<>(vcpuCount);
        for (int i = 0; i < vcpuCount; i++) {
            Source source = Source.vcpu(i);
            vcpus.add(cast.add(source, VcpuActor.create(a.vcpu().apply(i), cast.port(source))));
        }
        List<ActorRef<Guest.Message>> guests = new ArrayList<>(vcpuCount);
        for (int i = 0; i < vcpuCount; i++) {
            Source source = Source.guest(i);
            guests.add(cast.add(source, GuestActor.create(a.guest().apply(i), cast.port(source))));
        }
        List<ActorRef<Device.Message>> devices = new ArrayList<>();
        for (int i = 0; i < a.machine().devices(); i++) {
            Source source = Source.device(i);
            ActorPort port = cast.port(source, a.deviceName().apply(i));
            devices.add(cast.add(source, DeviceActor.create(a.device().apply(i), port)));
        }
        List<ActorRef<PhysicalCpu.Message>> processors = new ArrayList<>();
        for (int i = 0; i < a.machine().physicalCpus(); i++) {
            Source source = Source.physicalCpu(i);
            processors.add(cast.add(source, PhysicalCpuActor.create(PhysicalCpu.idle(i), cast.port(source))));
        }
        List<ActorRef<Wire.Message>> wires = new ArrayList<>();
        for (int i = 0; i < (spawn.flight == Flight.THROUGH_WIRES ? vcpuCount : 0); i++) {
            Source source = Source.wire(i);
            wires.add(cast.add(source, WireActor.create(Wire.to(i), cast.port(source))));
        }
        Directory directory = new Directory(vm, userspace, timer, vcpus, guests, devices, processors, wires);
        spawn.run.begin(directory);
        return new MachineActors(spawn.run, directory, cast.actors, cast.ports);
    }

    /** The actors and ports spawned so far. */
    private static final class Cast {
        private final ActorContext<Object> context;
        private final Spawn spawn;
        private final List<ActorRef<?>> actors = new ArrayList<>();
        private final List<ActorPort> ports = new ArrayList<>();

        Cast(ActorContext<Object> context, Spawn spawn) {
            this.context = context;
            this.spawn = spawn;
        }

        ActorPort port(Source source) {
            return port(source, Integer.toString(source.index()));
        }

        ActorPort port(Source source, String name) {
            ActorPort port = ActorPort.of(spawn.run, source, name);
            ports.add(port);
            return port;
        }

        <M> ActorRef<M> add(Source source, Behavior<M> behavior) {
            ActorRef<M> actor = context.spawn(behavior, source.label(), spawn.dispatcher);
            actors.add(actor);
            return actor;
        }
    }

    /** The actors in the order of their indices. */
    List<ActorRef<?>> inOrder() {
        return inOrder;
    }

    /** A message from nobody on the stage, to the actor that {@code to} finds in the directory. */
    <M> void tell(Function<Directory, ActorRef<M>> to, M message) {
        run.sending();
        to.apply(directory).tell(message);
    }

    /** From now on until {@link #beginAgain} they drop what they are sent. */
    void drop() {
        for (ActorPort port : ports) {
            port.drop();
        }
    }

    /** They are as they were at their start; no message may be under way, and the first time none may have been sent yet. */
    void beginAgain() {
        run.beginAgain();
        for (ActorPort port : ports) {
            port.beginAgain();
        }
    }

    /** User space starts everything else, step by step. */
    void start() {
        tell(Directory::userspace, Userspace.Start.START);
    }

    /** Bitmaps and pins are looked at. */
    void audit() {
        tell(Directory::vm, Vm.Audit.AUDIT);
    }

    /** Messages handled so far. */
    long steps() {
        long sum = 0;
        for (ActorPort port : ports) {
            sum += port.steps();
        }
        return sum;
    }
}
