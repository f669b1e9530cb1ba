package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.actor.Directory;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.schedule.ControlledExecutor;
import org.vcpusim.schedule.RandomChooser;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** The VM and vCPU actors on the controlled executor; what order they run in is chosen from a fixed seed. */
final class ActorVectorHost implements VectorHost {
    private static final long SEED = 1;
    private static final Bounds BOUNDS = Bounds.steps(50_000_000);

    private final ControlledRun run;
    private List<Userspace.Message> told = new ArrayList<>();
    private List<Event> happened = new ArrayList<>();

    ActorVectorHost(ControlledSimulation simulation, Vm vm, List<Vcpu> vcpus, Guest.Software software) {
        Assembly assembly = Assembly.of(vm.machine(), () -> vm, vcpus::get, i -> Guest.starting(software))
                .with(Assembly.Outside.driven(vm.machine(), message -> told.add(message)));
        run = simulation.open(assembly, new RandomChooser(SEED), new Events());
    }

    /** Keeps the events. */
    private final class Events implements TraceSink {
        @Override
        public void accept(TraceRecord record) {
            happened.add(record.event());
        }

        @Override
        public void close() {}
    }

    @Override
    public void send(Vm.Message message) {
        run.actors().tell(Directory::vm, message);
    }

    @Override
    public void send(int vcpu, Vcpu.Message message) {
        run.actors().tell(directory -> directory.vcpus().get(vcpu), message);
    }

    @Override
    public void send(HostTimer.Message message) {
        run.actors().tell(Directory::timer, message);
    }

    @Override
    public void load(int vcpu, Guest.Software software) {
        run.actors().tell(directory -> directory.guests().get(vcpu), new Guest.Load(software));
    }

    @Override
    public void runUntilQuiescent() {
        ControlledExecutor.Result result = run.advance(BOUNDS);
        if (result.end() != ControlledExecutor.End.QUIESCENT) {
            throw new IllegalStateException("not quiescent after " + result.steps() + " steps");
        }
    }

    @Override
    public List<Userspace.Message> userspaceMessages() {
        List<Userspace.Message> taken = told;
        told = new ArrayList<>();
        return taken;
    }

    @Override
    public List<Event> events() {
        List<Event> taken = happened;
        happened = new ArrayList<>();
        return taken;
    }

    @Override
    public void close() {
        run.close();
    }
}
