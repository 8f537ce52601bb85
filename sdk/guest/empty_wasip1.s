// Empty: functions without a body, as programMain, need an assembly file in their package.
