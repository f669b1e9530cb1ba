package org.vcpusim.kvm;

import org.vcpusim.kvm.Vm.OfVcpu;

/** Which step each message that starts work begins with, and the steps that every kind of work ends with. */
final class VmCalls {
    private VmCalls() {}

    static VmStep first(Vm.Message message) {
        if (message instanceof Vm.IoapicRead r) {
            return new IoapicSteps.Read(r);
        }
        if (message instanceof Vm.IoapicWrite w) {
            return new Locked(
                    new IoapicSteps.Write(w.vcpu(), w.address(), truncated(w)), new Answer(new OfVcpu(w.vcpu())));
        }
        if (message instanceof Vm.IoapicRegisterWrite w) {
            return new Locked(
                    new IoapicSteps.SelectAndWrite(w.vcpu(), w.index(), w.value()), new Answer(new OfVcpu(w.vcpu())));
        }
        if (message instanceof Vm.IoapicRegisterRead r) {
            return new Locked(new IoapicSteps.SelectAndRead(r.index()), new Answer(new OfVcpu(r.vcpu())));
        }
        if (message instanceof Vm.ReadTable r) {
            return new Locked(new IoapicSteps.ShowTable(r.vcpu()), Done.DONE);
        }
        if (message instanceof Vm.EoiBroadcast e) {
            return new Locked(new EoiSteps.Begin(e), new Answer(new OfVcpu(e.vcpu())));
        }
        if (message instanceof Vm.SetIrqLine s) {
            return new LineSteps.SetGsi(s.gsi(), s.source(), s.level(), s.status(), new Answer(s.requester()));
        }
        return firstOfRest(message);
    }

    private static VmStep firstOfRest(Vm.Message message) {
        if (message instanceof Vm.SendIpi i) {
            return DeliverySteps.ipi(i, new Answer(new OfVcpu(i.vcpu())));
        }
        if (message instanceof Vm.SignalMsi m) {
            return new DeliverySteps.Msi(m.address(), m.data(), new Answer(m.requester()));
        }
        if (message instanceof Vm.ChangeIdentity c) {
            return new StateSteps.Recalculate(
                    c.identity(), new Answer(new OfVcpu(c.identity().vcpu())));
        }
        if (message instanceof Vm.RestoreApic r) {
            return new StateSteps.Recalculate(
                    r.identity(), new StateSteps.RestoreRtcOf(r.identity().vcpu()));
        }
        if (message instanceof Vm.MoveApicPage m) {
            return new StateSteps.MovePage(m, new Answer(new OfVcpu(m.identity().vcpu())));
        }
        if (message instanceof Vm.BlockIrq b) {
            return new DeliverySteps.Then(
                    new ApicvSteps.Count(ApicvInhibit.BLOCKIRQ, b.change()), new Answer(new OfVcpu(b.vcpu())));
        }
        if (message instanceof Vm.UseAutoEoi u) {
            return new DeliverySteps.Then(
                    new ApicvSteps.Count(ApicvInhibit.HYPERV, u.change()), new Answer(new OfVcpu(u.vcpu())));
        }
        if (message instanceof Vm.AssignDevice a) {
            return new DeliverySteps.Then(new AssignmentSteps.Change(a.change()), new Answer(a.requester()));
        }
        if (message instanceof Vm.AddVcpu a) {
            return new StateSteps.AddVcpu(a.identity());
        }
        if (message instanceof Vm.SignalSint s) {
            return new DeliverySteps.Then(new SintSteps.Set(s.vcpu(), s.sint()), new Answer(s.requester()));
        }
        if (message instanceof Vm.AckSints a) {
            return new DeliverySteps.Then(new SintSteps.Ack(a.vcpu(), a.sints(), 0), new Answer(new OfVcpu(a.vcpu())));
        }
        if (message instanceof Vm.PortRead || message instanceof Vm.PortWrite || message instanceof Vm.AcknowledgePic) {
            return PicSteps.first(message);
        }
        if (message instanceof Vm.PitTick || message instanceof Vm.SetReinject || message instanceof Vm.PitWork) {
            return PitSteps.first(message);
        }
        if (message instanceof Vm.SetIoapic s) {
            return new Locked(new StateSteps.SetIoapic(s.state()), new Answer(s.requester()));
        }
        if (message instanceof Vm.SaveIoapic s) {
            return new Locked(new StateSteps.SaveIoapic(s.device()), Done.DONE);
        }
        if (message instanceof Vm.EoiInjectDue) {
            return new Locked(new EoiSteps.InjectDelayed(0), Done.DONE);
        }
        if (message instanceof Vm.Audit) {
            return new AuditSteps.Begin();
        }
        if (message instanceof Vm.GetState) {
            return new StateSteps.Show();
        }
        return IrqfdSteps.first(message);
    }

    private static int truncated(Vm.IoapicWrite write) {
        return switch (write.size()) {
            case 1 -> (int) write.value() & 0xff;
            case 2 -> (int) write.value() & 0xffff;
            default -> (int) write.value();
        };
    }

    /** Does {@code inner} under {@code ioapic->lock}, then {@code after}. */
    record Locked(VmStep inner, VmStep after) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.with(task.push(Lock.LOCK, inner, Unlock.UNLOCK, after));
        }
    }

    /** Takes {@code ioapic->lock}; the task waits where another one holds it. */
    enum Lock implements VmStep {
        LOCK;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.lock(task);
        }
    }

    /** Releases {@code ioapic->lock}. */
    enum Unlock implements VmStep {
        UNLOCK;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm.unlock(port);
        }
    }

    /** Nothing is left to do. */
    enum Done implements VmStep {
        DONE;

        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            return vm;
        }
    }

    /** Tells the requester that it is done, and the number that came of it. */
    record Answer(Vm.Requester to) implements VmStep {
        @Override
        public Vm run(Vm vm, VmTask task, Port port) {
            if (to instanceof OfVcpu v) {
                port.toVcpu(v.vcpu(), new Vcpu.OperationDone(task.value()));
            } else if (to instanceof Vm.OfDevice d) {
                port.toDevice(d.device(), new Device.Done(task.value()));
            } else {
                port.toUserspace(new Userspace.Done(task.value()));
            }
            return vm;
        }
    }
}
